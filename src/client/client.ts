// The client: rooms of one server over one connection, which it keeps up.
import type { PublishOptions, RoomOptions, State, Thump, ThumpEvents } from "./public-types.ts";
import { writeData } from "./message-data.ts";
import { Emitter } from "./emitter.ts";
import { ThumpError } from "./client-errors.ts";
import type { Fetch, Host, Link, LinkOptions } from "./connection.ts";
import { byteLength, Outbox, type OutboxBounds } from "./outbox.ts";
import { type Owner, Seat } from "./room-handle.ts";
import { type Storage, withStorage } from "./position-store.ts";
import { keepUp, type Upkeep } from "./reconnect.ts";
import { parsePosition } from "./cursor-tracker.ts";
import type { RoomRules } from "./rule-types.ts";
import { listenToPage } from "./page-events.ts";

export interface ConnectOptions extends LinkOptions {
  /** A token, or what fetches one: called for every connection, and before the token of a live one ends. */
  token?: string | (() => string | undefined | Promise<string | undefined>);
  /**
   * Where positions are stored: `sessionStorage`, or alike. The next page continues after them, also in rooms that it
   * opens with `last`. It is for pages that keep what they drew: what was received before is not sent again.
   */
  resume?: Storage;
  /** How many publications, and bytes of them, may wait to be published: 10,000 and 4 MiB. */
  queue?: OutboxBounds;
  /** Only this way; else a socket, and event streams while sockets are blocked. */
  transport?: Link["kind"];
  /** How long a connection may take to begin, and a request to be answered, in ms (10,000). */
  timeout?: number;
  /** How long at most until it tries to connect again, in ms: `first` (500), doubled each time, up to `most` (30,000). */
  backoff?: { first?: number; most?: number };
  /** When a socket is tried again after a fall back to streams, in ms (15,000); doubled each time, up to 10 minutes. */
  socketRetry?: number;
}

/** The states of a client that is not closed, the least first. */
const ORDER: readonly State[] = ["offline", "connecting", "catching up", "live"];

export class Client extends Emitter<ThumpEvents> implements Host, Owner {
  state: State = "connecting";
  readonly seats = new Map<string, Seat>();
  readonly outbox: Outbox;
  readonly fetch: Fetch;
  readonly timeout: number;
  readonly renewable: boolean;
  heartbeat = 25_000;
  readonly #supervisor: Upkeep;
  readonly #page = new AbortController();

  constructor(
    readonly base: string,
    readonly options: ConnectOptions,
  ) {
    super();
    this.outbox = new Outbox(options.queue);
    // Called as a method of anything else, a browser's does not work.
    this.fetch = options.fetch ?? ((url, init) => fetch(url, init));
    this.timeout = options.timeout ?? 10_000;
    this.renewable = typeof options.token === "function";
    this.#supervisor = keepUp(this, options);
    listenToPage((moved) => this.#supervisor.wake(moved), this.#page.signal);
    void this.#supervisor.run();
  }

  get transport(): Link["kind"] | undefined {
    const { link } = this.#supervisor;
    return link?.opened ? link.kind : undefined;
  }

  room(name: string, { last, after }: RoomOptions = {}): Seat {
    const entered = this.seats.get(name);
    if (entered) return entered;
    const seat = new Seat(this, name, last);
    if (this.state === "closed") {
      seat.error = closedError();
      seat.update();
      return seat;
    }
    seat.track.position =
      parsePosition(after) ?? parsePosition(this.#stored((storage, key) => storage.getItem(key), name));
    this.seats.set(name, seat);
    // In a moment: who is present may be wanted too.
    queueMicrotask(() => this.seats.get(name) === seat && this.#supervisor.link?.join(seat));
    this.changed();
    return seat;
  }

  publish(room: string, data: unknown, options: PublishOptions = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.state === "closed") throw closedError();
      const { event, key = randomKey() } = options;
      const body = JSON.stringify({ room, event, ...writeData(data), key });
      this.outbox.add({ body, bytes: byteLength(body), resolve, reject });
      this.#supervisor.link?.flush();
    });
  }

  close(error?: ThumpError): void {
    if (this.state === "closed") return;
    const seats = [...this.seats.values()];
    // A room that is left begins anew; one that is closed goes on with the next page.
    this.seats.clear();
    this.#page.abort();
    this.#supervisor.close();
    this.#become("closed");
    if (error) this.report(error);
    for (const seat of seats) {
      seat.error ??= error;
      seat.update();
    }
    this.outbox.clear(error ?? closedError());
  }

  leave(seat: Seat): void {
    if (this.seats.get(seat.name) !== seat) return;
    this.seats.delete(seat.name);
    // One that was refused is not in it.
    if (!seat.error) this.#supervisor.link?.leave(seat);
    this.#stored((storage, key) => storage.removeItem(key), seat.name);
    seat.update();
    this.changed();
  }

  rejoin(seat: Seat): void {
    this.#supervisor.link?.rejoin(seat);
  }

  moved(seat: Seat): void {
    const { name, at } = seat;
    if (at) this.#stored((storage, key) => storage.setItem(key, at), name);
  }

  stateOf(seat: Seat): State {
    if (this.seats.get(seat.name) !== seat) return "closed";
    if (this.#supervisor.waiting) return "offline";
    if (!seat.joined) return "connecting";
    return seat.track.behind ? "catching up" : "live";
  }

  changed(): void {
    if (this.state === "closed") return;
    const states: State[] = [this.#supervisor.waiting ? "offline" : this.transport ? "live" : "connecting"];
    for (const seat of Array.from(this.seats.values())) {
      seat.update();
      states.push(seat.state);
    }
    // The least of them, as a whole.
    this.#become(ORDER.find((state) => states.includes(state)) as State);
  }

  async token(): Promise<string | undefined> {
    const { token } = this.options;
    return typeof token === "function" ? token() : token;
  }

  opened(link: Link): void {
    this.#supervisor.opened(link);
  }

  report(error: ThumpError): void {
    if (!this.emit("error", error)) console.error("thump:", error);
  }

  #stored<T>(run: (storage: Storage, key: string) => T, room: string): T | undefined {
    return withStorage(this.options.resume, (storage) => run(storage, `thump ${this.base} ${room}`));
  }

  #become(state: State): void {
    if (this.state === state) return;
    this.state = state;
    this.emit("state", state);
  }
}

function closedError(): ThumpError {
  return new ThumpError("closed", "It was closed.");
}

/** `crypto.randomUUID` is for pages of https alone. */
function randomKey(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}

/**
 * Connects to a server: `connect<typeof rooms>("https://…")`. The types of what is in the rooms come from their rules.
 * @param url where the server is, with the plugin's prefix if it has one; in a page also a path
 */
export function connect<Rules extends RoomRules = RoomRules>(
  url: string | URL,
  options: ConnectOptions = {},
): Thump<Rules> {
  const here = (globalThis as { location?: { href: string } }).location?.href;
  const base = new URL(url, here).href.replace(/^ws/, "http").replace(/\/+$/, "");
  return new Client(base, options) as unknown as Thump<Rules>;
}
