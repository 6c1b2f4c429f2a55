// The load of `thump bench`: clients in one room and a publisher, in this process, by one clock.
import { createHistogram } from "node:perf_hooks";
import { CommandError, EXIT } from "../exit-codes.ts";

export interface LoadOptions {
  /** The room's address, http or https. */
  url: string;
  credential: string | undefined;
  clients: number;
  /** Publications a second. */
  rate: number;
  /** For how long, in ms. */
  duration: number;
  /** The data of each publication, in bytes. */
  size: number;
}

/** What was wrong with what arrived. */
export interface Faults {
  missing: number;
  repeated: number;
  outOfOrder: number;
  /** Gap notices of the server. */
  gaps: number;
  /** Connections that ended. */
  closed: number;
}

/** So many connections are made at a time. */
const MAX_CONNECTING = 50;
/** How often what is due is published, in ms. */
const TICK_MS = 2;

export class Load {
  delivered = 0;
  published = 0;
  readonly faults: Faults = { missing: 0, repeated: 0, outOfOrder: 0, gaps: 0, closed: 0 };
  /** From when a publication was due until it was here, in µs. */
  readonly latency = createHistogram();
  readonly #id = crypto.randomUUID().slice(0, 8);
  readonly #sockets: WebSocket[] = [];
  /** Of each client: the newest that it has, and those before it that it has not. */
  readonly #seen: { last: number; holes: Set<number> }[] = [];
  #start = 0;
  #changed = () => {};
  #ended = false;
  /** Why the server does not take what is published. */
  #error: CommandError | undefined;

  constructor(readonly options: LoadOptions) {}

  /** How many publications there will be. */
  get total(): number {
    return Math.round((this.options.rate * this.options.duration) / 1000);
  }

  /** Connects all clients. @throws CommandError when one is not let in */
  async connect(onProgress: (connected: number) => void): Promise<void> {
    while (this.#sockets.length < this.options.clients) {
      const batch = Math.min(MAX_CONNECTING, this.options.clients - this.#sockets.length);
      const opened = await Promise.all(Array.from({ length: batch }, () => this.#open()));
      for (const socket of opened) this.#listen(socket, this.#sockets.push(socket) - 1);
      onProgress(this.#sockets.length);
    }
  }

  /** Publishes at the rate, whatever comes back, then waits for what is on its way, at most so many ms. */
  async run(patience: number): Promise<void> {
    const publisher = await this.#open();
    publisher.onmessage = ({ data }) => this.#complain(String(data));
    const pad = "x".repeat(Math.max(0, this.options.size - this.#text(this.total, "").length));
    this.#start = performance.now();
    while (this.published < this.total) {
      const due = Math.min(this.total, Math.floor((performance.now() - this.#start) / this.#interval));
      while (this.published < due) publisher.send(this.#text(this.published++, pad));
      await Bun.sleep(TICK_MS);
      if (this.#error) throw this.#error;
    }
    await this.#arrived(patience);
    if (this.#error) throw this.#error;
    for (const { last, holes } of this.#seen) this.faults.missing += this.total - 1 - last + holes.size;
    publisher.close();
  }

  close(): void {
    this.#ended = true;
    for (const socket of this.#sockets) socket.close();
  }

  get #interval(): number {
    return 1000 / this.options.rate;
  }

  /** No JSON: what is measured is not how fast it is parsed. */
  #text(number: number, pad: string): string {
    return `${this.#id} ${number} ${pad}`;
  }

  #open(): Promise<WebSocket> {
    const { url, credential } = this.options;
    const headers = credential === undefined ? {} : { authorization: `Bearer ${credential}` };
    // Bun's own: browsers' sockets take no headers.
    const socket = new WebSocket(url.replace(/^http/, "ws"), { headers });
    return new Promise((resolve, reject) => {
      socket.onopen = () => resolve(socket);
      socket.onclose = ({ code }) => {
        const so = `Connection ${this.#sockets.length + 1} was not let in (${code}).`;
        reject(new CommandError(so, EXIT.failure));
      };
    });
  }

  #listen(socket: WebSocket, index: number): void {
    this.#seen[index] = { last: -1, holes: new Set() };
    socket.onmessage = ({ data }) => this.#receive(index, String(data));
    socket.onclose = () => {
      if (!this.#ended) this.faults.closed++;
    };
  }

  #receive(index: number, text: string): void {
    // Others may publish in the room too.
    if (!text.startsWith(this.#id)) return void (text.startsWith('{"type":"gap"') && this.faults.gaps++);
    const number = Number.parseInt(text.slice(this.#id.length + 1), 10);
    const due = this.#start + (number + 1) * this.#interval;
    this.latency.record(Math.max(1, Math.round((performance.now() - due) * 1000)));
    this.delivered++;
    this.#count(index, number);
    if (this.delivered === this.total * this.options.clients) this.#changed();
  }

  #count(index: number, number: number): void {
    const seen = this.#seen[index] as { last: number; holes: Set<number> };
    if (number > seen.last) {
      for (let hole = seen.last + 1; hole < number; hole++) seen.holes.add(hole);
      seen.last = number;
    } else if (seen.holes.delete(number)) this.faults.outOfOrder++;
    else this.faults.repeated++;
  }

  /** The publisher hears of what is refused. */
  #complain(text: string): void {
    if (!text.startsWith('{"type":"error"')) return;
    const { code, message } = JSON.parse(text) as { code: string; message: string };
    this.#error = new CommandError(`The server refuses it: ${message} (${code})`);
    this.#changed();
  }

  #arrived(patience: number): Promise<void> {
    if (this.delivered >= this.total * this.options.clients) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, patience);
      this.#changed = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
