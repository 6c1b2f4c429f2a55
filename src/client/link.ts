// What the two ways to a server have in common: one connection, from its beginning to its end.
import { type ThumpError, type ToldError, toldError } from "./errors.ts";
import type { Entry, Outbox } from "./outbox.ts";
import type { Seat } from "./seat.ts";

/** How a connection ended. */
export interface Ended {
  /** It had been in use. */
  opened?: boolean;
  error?: ThumpError | undefined;
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

/** What the two ways do each in their own manner. */
export interface Way {
  join(seat: Seat): void;
  leave(seat: Seat): void;
  /** Joins anew, from the seat's position: something was missing, or more is wanted of the room. */
  rejoin(seat: Seat): void;
  /** Sends what is in the outbox. */
  flush(): void;
  /** Finds out whether it is still alive. `moved`: the network is another one. */
  check(moved: boolean): void;
}

/** One connection. What is joined, left or published meanwhile goes through it. */
export interface Link extends Way {
  readonly kind: "websocket" | "event-stream";
  /** It is in use: the server spoke to us. */
  opened: boolean;
  /** The server said to publish more slowly. */
  paused: boolean;
  /** Resolves at its end; its rooms are then detached, and what was not answered is in the outbox again. */
  readonly ended: Promise<Ended>;
  /** Ends it. The second time there is nothing to end. `dead`: nobody is there to answer. */
  end(ended?: Ended, dead?: boolean): void;
  /** Runs something after so many ms, unless the link ends before. Returns what calls it off. */
  after(ms: number, run: () => void): () => void;
  /** The one timer that looks after the connection's life: a new one takes the place of the old. */
  watch(ms: number, run: () => void): void;
  /** These are to be published again, and all that waits with them, after so many ms. */
  pause(entries: Entry[], ms: number): void;
  /** What was published was kept at a cursor, or why not. */
  answer(entry: Entry, at: string | undefined, told: ToldError): void;
}

/** @param release lets go of the connection itself */
export function newLink(host: Host, kind: Link["kind"], way: Way, release: (dead: boolean) => void): Link {
  const timers = new Set<ReturnType<typeof setTimeout>>();
  let resolve: (ended: Ended) => void;
  let over = false;
  let unwatch = () => {};
  const link: Link = {
    ...way,
    kind,
    opened: false,
    paused: false,
    ended: new Promise((settle) => (resolve = settle)),
    end(ended, dead = false) {
      if (over) return;
      over = true;
      timers.forEach(clearTimeout);
      release(dead);
      const { opened } = link;
      link.opened = false;
      // One that was tried beside another has nothing to give up.
      if (opened) {
        host.outbox.rewind();
        for (const seat of host.seats.values()) seat.become(false);
      }
      resolve({ ...ended, opened });
    },
    after(ms, run) {
      if (over) return () => {};
      // What is further away than a timer can count comes earlier.
      const timer = setTimeout(run, Math.min(ms, 2 ** 31 - 1));
      timers.add(timer);
      return () => {
        timers.delete(timer);
        clearTimeout(timer);
      };
    },
    watch(ms, run) {
      unwatch();
      unwatch = link.after(ms, run);
    },
    pause(entries, ms) {
      host.outbox.rewind(entries);
      if (link.paused) return;
      link.paused = true;
      link.after(ms, () => {
        link.paused = false;
        way.flush();
      });
    },
    answer(entry, at, told) {
      if (told.retry) link.pause([entry], told.retry);
      else host.outbox.settle(entry, at ?? toldError(told));
    },
  };
  link.watch(host.timeout, () => link.end({}, true));
  return link;
}
