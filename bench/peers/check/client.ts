// The check's clients, one per dialect, which collect received data. They are slow but simple enough to verify by eye.
import WebSocket from "ws";
import type { Dialect, Step } from "../../dialect.ts";

/** Received data: the whole frame or event, and its payload (the frame itself, or the event's data). */
export interface Arrival {
  whole: string;
  payload: string;
}

const TIMEOUT_MS = 10_000;

/** Fills in the placeholders in a dialect's text. */
export function fill(template: string, values: Record<string, string>): string {
  return template.replace(/\{(\w+)\}/g, (place, name: string) => values[name] ?? place);
}

/** Returns the placeholders' values for a message. */
export function messageValues(room: string, message: string): Record<string, string> {
  const escaped = JSON.stringify(message).slice(1, -1);
  return { room, message, escaped, length: String(Buffer.byteLength(message)) };
}

/** Collects received data, with promises for data that has not arrived yet. */
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

  /**
   * Resolves once the received data passes the test.
   * @throws on a timeout, or if the connection ends first
   */
  async until(test: (arrivals: Arrival[]) => boolean, what: string): Promise<void> {
    const late = setTimeout(() => this.end(`${TIMEOUT_MS / 1000} s passed`), TIMEOUT_MS);
    try {
      while (!test(this.arrivals)) {
        if (this.#ended !== undefined)
          throw new Error(`${what} did not arrive: ${this.#ended}; ${this.#last()}`);
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
    return last ? `the last arrival was ${last.whole.slice(0, 500)}` : "no data arrived";
  }
}

export interface Client extends Disposable {
  inbox: Inbox;
  /** Sends a frame. Available only on sockets. */
  send(frame: string): void;
}

/** Connects to `path`, by default the dialect's path, and performs the dialect's steps. */
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

/** Performs one step. Ignores data that earlier steps have already matched. */
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
    throw new Error(`the event stream failed with ${response.status}, ${type}`);
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
