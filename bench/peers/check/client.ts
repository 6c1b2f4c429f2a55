// Clients of the check: one a dialect, slow and simple, so that it can be trusted. They collect what they are sent.
import WebSocket from "ws";
import type { Dialect, Step } from "../../dialect.ts";

/** Something the server sent: the whole frame or event, and its payload: the frame again, or the event's data. */
export interface Arrival {
  whole: string;
  payload: string;
}

const WITHIN = 10_000;

/** Puts values in the places that a dialect names. */
export function fill(template: string, values: Record<string, string>): string {
  return template.replace(/\{(\w+)\}/g, (place, name: string) => values[name] ?? place);
}

/** The values of a dialect's places for a message. */
export function messageValues(room: string, message: string): Record<string, string> {
  const escaped = JSON.stringify(message).slice(1, -1);
  return { room, message, escaped, length: String(Buffer.byteLength(message)) };
}

/** What arrived, and promises for what has not yet. */
export class Inbox {
  readonly arrivals: Arrival[] = [];
  #changed: (() => void) | undefined;
  #ended: string | undefined;

  push(arrival: Arrival): void {
    this.arrivals.push(arrival);
    this.#changed?.();
  }

  end(reason: string): void {
    this.#ended ??= reason;
    this.#changed?.();
  }

  /** Resolves once what has arrived passes the test. @throws when it does not in time, or the connection ended */
  async until(test: (arrivals: Arrival[]) => boolean, what: string): Promise<void> {
    const late = setTimeout(() => this.end(`${WITHIN / 1000} s were over`), WITHIN);
    try {
      while (!test(this.arrivals)) {
        if (this.#ended !== undefined)
          throw new Error(`${what} did not come: ${this.#ended}; ${this.#last()}`);
        await new Promise<void>((resolve) => {
          this.#changed = resolve;
        });
      }
    } finally {
      clearTimeout(late);
    }
  }

  #last(): string {
    const last = this.arrivals.at(-1);
    return last ? `the last that came was ${last.whole.slice(0, 500)}` : "nothing came before";
  }
}

export interface Client extends Disposable {
  inbox: Inbox;
  /** Sends a frame; sockets only. */
  send(frame: string): void;
}

/** Connects, by the dialect's path or another, and goes through its steps. */
export async function connect(
  dialect: Dialect,
  port: number,
  values: Record<string, string>,
  path = dialect.path,
): Promise<Client> {
  const target = `127.0.0.1:${dialect.port ?? port}${fill(path, values)}`;
  const client = await (dialect.transport === "event-stream"
    ? openStream(`http://${target}`, dialect)
    : openSocket(`ws://${target}`, dialect));
  let seen = 0;
  for (const step of dialect.steps ?? []) seen = await take(step, client, values, seen);
  return client;
}

/** One step; what it waits for lies after what earlier steps have seen. */
async function take(step: Step, client: Client, values: Record<string, string>, seen: number) {
  if (step.send !== undefined) client.send(fill(step.send, values));
  if (step.expect === undefined) return seen;
  const expected = fill(step.expect, values);
  const found = (arrivals: Arrival[]) =>
    arrivals.findIndex(({ whole }, index) => index >= seen && whole.includes(expected));
  await client.inbox.until((arrivals) => found(arrivals) >= 0, `the step "${expected}"`);
  return found(client.inbox.arrivals) + 1;
}

async function openSocket(url: string, { headers = {}, answers = {}, binary }: Dialect): Promise<Client> {
  const { "sec-websocket-protocol": protocols, ...others } = headers;
  const socket = new WebSocket(url, protocols?.split(/, */) ?? [], {
    headers: others,
    perMessageDeflate: false,
  });
  const inbox = new Inbox();
  const send = (frame: string) => socket.send(binary ? Buffer.from(frame) : frame);
  socket.on("message", (data: Buffer) => {
    const whole = String(data);
    const answer = answers[whole];
    if (answer !== undefined) send(answer);
    inbox.push({ whole, payload: whole });
  });
  socket.on("close", (code, reason) => inbox.end(`closed with ${code} ${String(reason)}`.trim()));
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  socket.on("error", (error) => inbox.end(error.message));
  return { inbox, send, [Symbol.dispose]: () => socket.terminate() };
}

async function openStream(url: string, { headers = {} }: Dialect): Promise<Client> {
  const leave = new AbortController();
  const response = await fetch(url, {
    headers: { accept: "text/event-stream", ...headers },
    signal: leave.signal,
  });
  const type = response.headers.get("content-type") ?? "no content type";
  if (response.status !== 200 || !type.startsWith("text/event-stream") || !response.body)
    throw new Error(`the event stream was answered with ${response.status}, ${type}`);
  const inbox = new Inbox();
  readEvents(response.body, inbox).then(
    () => inbox.end("the stream ended"),
    (error: Error) => inbox.end(error.message),
  );
  const send = () => {
    throw new Error("an event stream cannot publish");
  };
  return { inbox, send, [Symbol.dispose]: () => leave.abort() };
}

async function readEvents(body: ReadableStream<Uint8Array>, inbox: Inbox): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const text = decoder.decode(chunk, { stream: true }).replaceAll("\r", "");
    const events = (rest + text).split("\n\n");
    rest = events.pop() ?? "";
    for (const whole of events) {
      const data = whole.split("\n").filter((line) => line.startsWith("data:"));
      const payload = data.map((line) => line.replace(/^data: ?/, "")).join("\n");
      if (data.length > 0) inbox.push({ whole, payload });
    }
  }
}
