// Keeps a connection up: which way, when again after one ended, and when to change from a stream to a socket.
import { Backoff } from "./backoff.ts";
import { toError, type ThumpError } from "./errors.ts";
import type { Ended, Host, Link } from "./link.ts";
import { socketLink } from "./socket.ts";
import { streamLink } from "./stream.ts";

/** A connection that lasted so many ms was a good one. */
const GOOD = 5000;

/** Whom it connects, and what is told of it. */
export interface Connected extends Host {
  /** Something about the connection has changed. */
  changed(): void;
  /** There is no use in going on. */
  close(error: ThumpError): void;
}

export class Supervisor {
  /** The connection in use, or being made. */
  link: Link | undefined;
  /** There is none: it will try again. */
  waiting = false;
  readonly #backoff: Backoff;
  readonly #socketBackoff: Backoff;
  #closed = false;
  /** A socket that is tried while a stream is in use. */
  #standby: Link | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #wake = () => {};

  constructor(
    readonly host: Connected,
    readonly options: {
      transport?: Link["kind"];
      backoff?: { first?: number; most?: number };
      socketRetry?: number;
    },
  ) {
    this.#backoff = new Backoff(options.backoff?.first, options.backoff?.most);
    // Not all at once, but not at once either.
    this.#socketBackoff = new Backoff(options.socketRetry ?? 15_000, 600_000, () => 0.75 + Math.random() / 4);
  }

  /** Connects, and again whenever that ends, until it is closed or there is no use. */
  async run(): Promise<void> {
    while (!this.#closed) {
      const began = Date.now();
      const ended = await this.#session();
      this.link = undefined;
      this.#planSocket(false);
      if (this.#closed) return;
      const { error, unauthorized, final, opened } = ended;
      if (error && (final || (unauthorized && !this.host.renewable))) return this.host.close(error);
      // That a token has run out is nothing to tell of: there will be another.
      if (error && !(unauthorized && opened)) this.host.report(error);
      if (opened && Date.now() - began > GOOD) this.#backoff.reset();
      await this.#wait(this.#delay(ended));
    }
  }

  /** A link is in use: another one that was before it ends. */
  opened(link: Link): void {
    const before = this.link;
    this.link = link;
    if (link.kind === "websocket") this.#socketBackoff.reset();
    if (before !== link) before?.end();
    this.#planSocket(link.kind === "event-stream" && this.options.transport === undefined);
    this.host.changed();
  }

  /** The network is another one (`moved`), or there was a long sleep. */
  wake(moved: boolean): void {
    if (this.waiting) return this.#wake();
    this.link?.check(moved);
    if (moved && this.#retryTimer !== undefined) this.#trySocket();
  }

  close(): void {
    this.#closed = true;
    this.#planSocket(false);
    this.link?.end();
    this.#wake();
  }

  /** One connection from beginning to end, by a socket or, where that comes to nothing, by streams. */
  async #session(): Promise<Ended> {
    const { transport } = this.options;
    let ended: Ended = {};
    if (transport !== "event-stream") ended = await this.#live(socketLink);
    // An answer to a request says why there is no socket: a proxy, a token, a server that is not there.
    if (!ended.opened && transport !== "websocket" && !this.#closed) ended = await this.#live(streamLink);
    return ended;
  }

  async #live(way: typeof socketLink): Promise<Ended> {
    try {
      const token = await this.host.token();
      if (this.#closed) return {};
      let link: Link = (this.link = way(this.host, token));
      this.host.changed();
      for (;;) {
        const ended = await link.ended;
        // Another may have taken its place.
        if (this.link === link || this.#closed) return ended;
        link = this.link;
      }
    } catch (error) {
      // Whoever supplies tokens failed, or the address is none.
      return { error: toError(error) };
    }
  }

  #delay({ delay, unauthorized, opened }: Ended): number {
    if (unauthorized && opened) return 0;
    // A drain spreads its clients itself; what a refusal says is the same for all.
    return opened && delay !== undefined ? delay : (delay ?? 0) + this.#backoff.next();
  }

  #wait(ms: number): Promise<void> {
    this.waiting = true;
    this.host.changed();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        this.waiting = false;
        this.host.changed();
        resolve();
      };
    });
  }

  /** Whether a socket is to be tried beside the stream. */
  #planSocket(wanted: boolean): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    if (wanted) {
      this.#retryTimer = setTimeout(() => this.#trySocket(), this.#socketBackoff.next());
      return;
    }
    if (this.#standby !== this.link) this.#standby?.end();
    this.#standby = undefined;
  }

  #trySocket(): void {
    this.#planSocket(false);
    const attempt = async () => {
      const token = await this.host.token();
      if (this.link?.kind !== "event-stream") return;
      const socket = (this.#standby = socketLink(this.host, token));
      await socket.ended;
      if (this.#standby === socket) this.#planSocket(true);
    };
    // A token that cannot be had now may be next time; the stream goes on.
    attempt().catch(() => this.#planSocket(this.link?.kind === "event-stream"));
  }
}
