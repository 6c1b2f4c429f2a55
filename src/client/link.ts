// What the two ways to a server have in common: one connection, from its beginning to its end.
import type { ThumpError } from "./errors.ts";
import type { Entry, Outbox } from "./outbox.ts";
import type { Seat } from "./seat.ts";

/** How a connection ended. */
export interface Ended {
  /** It had been in use. */
  opened?: boolean;
  error?: ThumpError;
  /** It is no use to try again. */
  final?: boolean;
  /** The token is not, or no longer, good. */
  unauthorized?: boolean;
  /** When to come back, in ms, as the server wishes. */
  delay?: number | undefined;
}

/** As much of a WebSocket as is needed. */
export interface SocketLike {
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: (() => void) | null;
  send(data: string): void;
  close(code?: number): void;
  /** Not in browsers. */
  terminate?(): void;
}

/** Of something like a WebSocket: what handlers look like, libraries say each in their own way. */
export type SocketConstructor = new (url: string, protocols?: string[]) => object;
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface LinkOptions {
  /** Whether requests carry cookies to another origin (Fetch standard). */
  credentials?: "include" | "omit" | "same-origin";
  /** Where they are not global, or not as wanted: in Node before 22, that of `ws`. */
  WebSocket?: SocketConstructor;
  fetch?: Fetch;
}

/** What connections are made for. */
export interface Host {
  /** The server, without a slash at the end. */
  readonly base: string;
  readonly seats: ReadonlyMap<string, Seat>;
  readonly outbox: Outbox;
  readonly options: LinkOptions;
  readonly fetch: Fetch;
  /** How long a connection may take to begin, and a request to be answered, in ms. */
  readonly timeout: number;
  /** After so many ms a server gives a sign of life; a socket is told. */
  heartbeat: number;
  /** Another token may be had. */
  readonly renewable: boolean;
  token(): Promise<string | undefined>;
  /** The link is in use. */
  opened(link: Link): void;
  /** Tells of an error that ends nothing. */
  report(error: ThumpError): void;
}

/** One connection. What is joined, left or published meanwhile goes through it. */
export abstract class Link {
  abstract readonly kind: "websocket" | "event-stream";
  /** It is in use: the server spoke to us. */
  opened = false;
  /** It has ended. */
  over = false;
  /** The server said to publish more slowly. */
  paused = false;
  /** Resolves at its end; its rooms are then detached, and what was not answered is in the outbox again. */
  readonly ended: Promise<Ended>;
  #resolve: (ended: Ended) => void = () => {};
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #watch = () => {};

  constructor(readonly host: Host) {
    this.ended = new Promise((resolve) => (this.#resolve = resolve));
    this.watch(host.timeout, () => this.end({}, true));
  }

  abstract join(seat: Seat): void;
  abstract leave(seat: Seat): void;
  /** Joins anew, from the seat's position: something was missing, or more is wanted of the room. */
  abstract rejoin(seat: Seat): void;
  /** Sends what is in the outbox. */
  abstract flush(): void;
  /** Finds out whether it is still alive. `moved`: the network is another one. */
  abstract check(moved: boolean): void;
  /** Lets go of the connection itself. `dead`: nobody is there to answer. */
  protected abstract release(dead: boolean): void;

  /** Ends it. The second time there is nothing to end. */
  end(ended: Ended = {}, dead = false): void {
    if (this.over) return;
    this.over = true;
    this.#timers.forEach(clearTimeout);
    this.release(dead);
    // One that was tried beside another has nothing to give up.
    if (this.opened) {
      this.host.outbox.rewind();
      for (const seat of this.host.seats.values()) seat.become(false);
    }
    this.#resolve({ ...ended, opened: this.opened });
    this.opened = false;
  }

  /** Runs something after so many ms, unless the link ends before. Returns what calls it off. */
  protected after(ms: number, run: () => void): () => void {
    // What is further away than a timer can count comes earlier.
    const timer = setTimeout(run, Math.min(ms, 2 ** 31 - 1));
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
      clearTimeout(timer);
    };
  }

  /** The one timer that looks after the connection's life: a new one takes the place of the old. */
  protected watch(ms: number, run: () => void): void {
    this.#watch();
    this.#watch = this.after(ms, run);
  }

  /** These are to be published again, and all that waits with them, after so many ms. */
  protected pause(entries: Entry[], ms: number): void {
    this.host.outbox.rewind(entries);
    if (this.paused) return;
    this.paused = true;
    this.after(ms, () => {
      this.paused = false;
      this.flush();
    });
  }
}
