// The check's publishers, which publish one message after another in the way that the dialect describes.
import type { Dialect } from "../../dialect.ts";
import { connect, fill, messageValues } from "./client.ts";

export interface Publisher extends Disposable {
  publish(messages: string[]): Promise<void>;
}

export async function openPublisher(dialect: Dialect, port: number, room: string): Promise<Publisher> {
  const { publish } = dialect;
  if (publish === undefined) throw new Error("the dialect cannot publish");
  const write = (message: string) => fill(publish, messageValues(room, message));
  if (dialect.transport !== "http") {
    const client = await connect(dialect, port, { room });
    return {
      async publish(messages) {
        for (const message of messages) client.send(write(message));
      },
      [Symbol.dispose]: () => client[Symbol.dispose](),
    };
  }
  return {
    async publish(messages) {
      for (const body of bodies(dialect, messages.map(write), room)) await request(dialect, port, room, body);
    },
    [Symbol.dispose]() {},
  };
}

function bodies({ batch }: Dialect, written: string[], room: string): string[] {
  if (!batch) return written;
  const { before, between, after } = batch;
  return [fill(before, { room }) + written.join(between) + fill(after, { room })];
}

async function request(dialect: Dialect, port: number, room: string, body: string): Promise<void> {
  const { path, method = "POST", headers = {} } = dialect;
  const url = `http://127.0.0.1:${dialect.port ?? port}${fill(path, { room })}`;
  const response = await fetch(url, { method, headers, body });
  const answer = await response.text();
  if (!response.ok) throw new Error(`a publish failed with ${response.status}: ${answer.slice(0, 500)}`);
}
