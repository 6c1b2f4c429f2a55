// Clients that collect received data, so that tests can wait for it.
import { EventSource } from "eventsource";
import WS from "ws";
import { cleanup } from "./cleanup.ts";

/** Collects items as they arrive, with promises for later ones. */
export class Inbox<T> {
  readonly all: T[] = [];
  #waiting: { test: (items: T[]) => boolean; resolve: () => void }[] = [];
  #read = 0;
  #tap: ((item: T) => void) | undefined;

  push(item: T): void {
    this.all.push(item);
    this.#tap?.(item);
    const ready = this.#waiting.filter(({ test }) => test(this.all));
    this.#waiting = this.#waiting.filter((waiting) => !ready.includes(waiting));
    for (const { resolve } of ready) resolve();
  }

  /** Passes all items to `take`: the collected ones now, later ones as they arrive. */
  tap(take: (item: T) => void): void {
    this.all.forEach(take);
    this.#tap = take;
  }

  /** Resolves once the collected items pass the test. */
  until(test: (items: T[]) => boolean): Promise<T[]> {
    if (test(this.all)) return Promise.resolve(this.all);
    return new Promise((resolve) => this.#waiting.push({ test, resolve: () => resolve(this.all) }));
  }

  /** Returns the next item that has not been returned yet. */
  async next(): Promise<T> {
    const index = this.#read++;
    await this.until((items) => items.length > index);
    return this.all[index] as T;
  }

  /** Returns the next matching item and skips those before it. */
  async find(test: (item: T) => boolean): Promise<T> {
    for (;;) {
      const item = await this.next();
      if (test(item)) return item;
    }
  }
}

export interface Frame {
  type: string;
  [field: string]: unknown;
}

/** A WebSocket that collects frames: text as a string, binary as a Uint8Array. */
export class Socket extends Inbox<string | Uint8Array> {
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly opened: Promise<void>;

  constructor(readonly ws: WS) {
    super();
    ws.on("message", (data: Buffer, isBinary: boolean) =>
      this.push(isBinary ? new Uint8Array(data) : String(data)),
    );
    this.opened = new Promise((resolve, reject) => {
      ws.once("open", () => resolve());
      ws.once("error", reject);
    });
    this.closed = new Promise((resolve) =>
      ws.once("close", (code, reason) => resolve({ code, reason: String(reason) })),
    );
    cleanup(() => ws.terminate());
  }

  send(data: string | Uint8Array): void {
    this.ws.send(data);
  }
}

/** Opens a WebSocket with the `ws` package. */
export async function connect(url: string, options?: WS.ClientOptions): Promise<Socket> {
  const socket = new Socket(new WS(url, options));
  await socket.opened;
  return socket;
}

/** A client of the multiplexed socket. */
export class Multiplexed extends Inbox<Frame> {
  #id = 0;

  constructor(readonly socket: Socket) {
    super();
    for (const frame of socket.all) this.push(JSON.parse(String(frame)) as Frame);
    socket.ws.on("message", (data: Buffer) => this.push(JSON.parse(String(data)) as Frame));
  }

  get closed(): Promise<{ code: number; reason: string }> {
    return this.socket.closed;
  }

  /** Sends a command with an id and resolves with its reply, which may be an error. */
  async ask(command: Frame): Promise<Frame> {
    const id = ++this.#id;
    this.socket.send(JSON.stringify({ ...command, id }));
    const answered = (frame: Frame) => frame["id"] === id;
    return (await this.until((frames) => frames.some(answered))).find(answered) as Frame;
  }

  /** The messages received in one room, or in all rooms. */
  messages(room?: string): Frame[] {
    return this.all.filter(
      (frame) => frame.type === "message" && (room === undefined || frame["room"] === room),
    );
  }
}

/** Opens `/ws`. */
export async function multiplexed(url: string, options?: WS.ClientOptions): Promise<Multiplexed> {
  return new Multiplexed(await connect(url, options));
}

export interface ReceivedEvent {
  event: string;
  id: string;
  data: string;
}

/** Opens an EventSource and collects events with these names. */
export async function eventSource(
  url: string,
  names: string[] = ["message"],
): Promise<Inbox<ReceivedEvent> & { close(): void }> {
  const source = new EventSource(url);
  const inbox = Object.assign(new Inbox<ReceivedEvent>(), { close: () => source.close() });
  for (const name of [...names, "thump:gap"]) {
    source.addEventListener(name, (event) =>
      inbox.push({ event: name, id: event.lastEventId, data: String(event.data) }),
    );
  }
  cleanup(() => source.close());
  await new Promise<void>((resolve, reject) => {
    source.onopen = () => resolve();
    source.onerror = (error) => reject(new Error(`EventSource: ${error.message ?? "failed"}`));
  });
  return inbox;
}

/** Collects the lines of a response body, which is NDJSON or an event stream read as plain text. */
export async function lines(
  url: string,
  headers: Record<string, string>,
): Promise<Inbox<string> & { abort(): void }> {
  const abort = new AbortController();
  const response = await fetch(url, { headers, signal: abort.signal });
  const inbox = Object.assign(new Inbox<string>(), { abort: () => abort.abort() });
  cleanup(() => abort.abort());
  void collect(response.body ?? [], inbox).catch(() => {
    // The test or the server ended the stream. Earlier lines are in the inbox.
  });
  return inbox;
}

/** Collects the lines of a byte stream until it ends. */
export async function collect(chunks: AsyncIterable<Uint8Array> | [], inbox: Inbox<string>): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) inbox.push(part);
  }
}
