// Load generator of `thump bench`: the clients in one room and a publisher, in one process with one clock.
import { createHistogram } from "node:perf_hooks";
import { CommandError, EXIT } from "../exit-codes.ts";

export interface LoadOptions {
  /** The room's URL, http or https. */
  url: string;
  credential: string | undefined;
  clients: number;
  /** Publications per second. */
  rate: number;
  /** Duration of the run in ms. */
  duration: number;
  /** Data size of each publication in bytes. */
  size: number;
}

/** Delivery faults that the clients counted. */
export interface Faults {
  missing: number;
  repeated: number;
  outOfOrder: number;
  /** Gap notices from the server. */
  gaps: number;
  /** Connections that ended before the run did. */
  closed: number;
}

/** Maximum number of connections that are being opened at the same time. */
const MAX_CONNECTING = 50;
/** Interval between rounds of due publications. */
const TICK_MS = 2;

export class Load {
  delivered = 0;
  published = 0;
  readonly faults: Faults = { missing: 0, repeated: 0, outOfOrder: 0, gaps: 0, closed: 0 };
  /** Time between the due time of a publication and its delivery, in µs. */
  readonly latency = createHistogram();
  readonly #id = crypto.randomUUID().slice(0, 8);
  readonly #sockets: WebSocket[] = [];
  /** Per client: the highest number received, and the lower numbers not yet received. */
  readonly #seen: { last: number; missing: Set<number> }[] = [];
  #start = 0;
  #onSettled = () => {};
  #ended = false;
  /** The error with which the server rejected a publication. */
  #error: CommandError | undefined;

  constructor(readonly options: LoadOptions) {}

  /** Number of publications in the run. */
  get total(): number {
    return Math.round((this.options.rate * this.options.duration) / 1000);
  }

  /** Connects all clients. @throws CommandError if a connection is rejected */
  async connect(onProgress: (connected: number) => void): Promise<void> {
    while (this.#sockets.length < this.options.clients) {
      const batch = Math.min(MAX_CONNECTING, this.options.clients - this.#sockets.length);
      const opened = await Promise.all(Array.from({ length: batch }, () => this.#open()));
      for (const socket of opened) this.#listen(socket, this.#sockets.push(socket) - 1);
      onProgress(this.#sockets.length);
    }
  }

  /** Publishes at the configured rate, then waits up to `timeoutMs` for outstanding deliveries. @throws CommandError */
  async run(timeoutMs: number): Promise<void> {
    const publisher = await this.#open();
    publisher.onmessage = ({ data }) => this.#onPublisherFrame(String(data));
    const pad = "x".repeat(Math.max(0, this.options.size - this.#text(this.total, "").length));
    this.#start = performance.now();
    while (this.published < this.total) {
      const due = Math.min(this.total, Math.floor((performance.now() - this.#start) / this.#interval));
      while (this.published < due) publisher.send(this.#text(this.published++, pad));
      await Bun.sleep(TICK_MS);
      if (this.#error) throw this.#error;
    }
    await this.#waitForDeliveries(timeoutMs);
    if (this.#error) throw this.#error;
    for (const { last, missing } of this.#seen) this.faults.missing += this.total - 1 - last + missing.size;
    publisher.close();
  }

  close(): void {
    this.#ended = true;
    for (const socket of this.#sockets) socket.close();
  }

  get #interval(): number {
    return 1000 / this.options.rate;
  }

  /** Publications are plain text, not JSON, so that the server's parser is not part of the measurement. */
  #text(number: number, pad: string): string {
    return `${this.#id} ${number} ${pad}`;
  }

  #open(): Promise<WebSocket> {
    const { url, credential } = this.options;
    const headers = credential === undefined ? {} : { authorization: `Bearer ${credential}` };
    // Bun's WebSocket accepts headers; browsers do not.
    const socket = new WebSocket(url.replace(/^http/, "ws"), { headers });
    return new Promise((resolve, reject) => {
      socket.onopen = () => resolve(socket);
      socket.onclose = ({ code }) => {
        const message = `Connection ${this.#sockets.length + 1} was rejected (${code}).`;
        reject(new CommandError(message, EXIT.failure));
      };
    });
  }

  #listen(socket: WebSocket, index: number): void {
    this.#seen[index] = { last: -1, missing: new Set() };
    socket.onmessage = ({ data }) => this.#receive(index, String(data));
    socket.onclose = () => {
      if (!this.#ended) this.faults.closed++;
    };
  }

  #receive(index: number, text: string): void {
    // Other clients may publish to the room.
    if (!text.startsWith(this.#id)) return void (text.startsWith('{"type":"gap"') && this.faults.gaps++);
    const number = Number.parseInt(text.slice(this.#id.length + 1), 10);
    const due = this.#start + (number + 1) * this.#interval;
    this.latency.record(Math.max(1, Math.round((performance.now() - due) * 1000)));
    this.delivered++;
    this.#count(index, number);
    if (this.delivered === this.total * this.options.clients) this.#onSettled();
  }

  #count(index: number, number: number): void {
    const seen = this.#seen[index] as { last: number; missing: Set<number> };
    if (number > seen.last) {
      for (let skipped = seen.last + 1; skipped < number; skipped++) seen.missing.add(skipped);
      seen.last = number;
    } else if (seen.missing.delete(number)) this.faults.outOfOrder++;
    else this.faults.repeated++;
  }

  /** Handles a frame sent to the publisher: stores the error, which ends the run. */
  #onPublisherFrame(text: string): void {
    if (!text.startsWith('{"type":"error"')) return;
    const { code, message } = JSON.parse(text) as { code: string; message: string };
    this.#error = new CommandError(`The server rejected a publication: ${message} (${code})`);
    this.#onSettled();
  }

  #waitForDeliveries(timeoutMs: number): Promise<void> {
    if (this.delivered >= this.total * this.options.clients) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onSettled = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
