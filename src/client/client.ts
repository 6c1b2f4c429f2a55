// The client: rooms of one server over one connection, which it keeps up.
import type { PublishOptions, RoomOptions, State, Thump, ThumpEvents } from "./public-types.ts";
import { writeData } from "./message-data.ts";
import { Emitter } from "./emitter.ts";
import { ThumpError } from "./client-errors.ts";
import type { Fetch, ConnectionContext, Connection, TransportOptions } from "./connection.ts";
import { byteLength, Outbox, type OutboxLimits } from "./outbox.ts";
import { type RoomHandleOwner, RoomHandle } from "./room-handle.ts";
import { type Storage, withStorage } from "./position-store.ts";
import { createReconnectLoop, type ReconnectLoop } from "./reconnect.ts";
import { parsePosition } from "./cursor-tracker.ts";
import type { RoomRules } from "./rule-types.ts";
import { listenToPage } from "./page-events.ts";

export interface ConnectOptions extends TransportOptions {
  /** A token, or what fetches one: called for every connection, and before the token of a live one ends. */
  token?: string | (() => string | undefined | Promise<string | undefined>);
  /**
   * Where positions are stored: `sessionStorage`, or alike. The next page continues after them, also in rooms that it
   * opens with `last`. It is for pages that keep what they drew: what was received before is not sent again.
   */
  resume?: Storage;
  /** How many publications, and bytes of them, may wait to be published: 10,000 and 4 MiB. */
  queue?: OutboxLimits;
  /** Only this way; else a socket, and event streams while sockets are blocked. */
  transport?: Connection["kind"];
  /** How long a connection may take to begin, and a request to be answered, in ms (10,000). */
  timeout?: number;
  /** How long at most until it tries to connect again, in ms: `first` (500), doubled each time, up to `most` (30,000). */
  backoff?: { first?: number; most?: number };
  /** When a socket is tried again after a fall back to streams, in ms (15,000); doubled each time, up to 10 minutes. */
  socketRetry?: number;
}

/** The states of a client that is not closed, the least first. */
const STATE_ORDER: readonly State[] = ["offline", "connecting", "catching up", "live"];

export class Client extends Emitter<ThumpEvents> implements ConnectionContext, RoomHandleOwner {
  state: State = "connecting";
  readonly handles = new Map<string, RoomHandle>();
  readonly outbox: Outbox;
  readonly fetch: Fetch;
  readonly timeout: number;
  readonly renewable: boolean;
  heartbeat = 25_000;
  readonly #reconnect: ReconnectLoop;
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
    this.#reconnect = createReconnectLoop(this, options);
    listenToPage((moved) => this.#reconnect.wake(moved), this.#page.signal);
    void this.#reconnect.run();
  }

  get transport(): Connection["kind"] | undefined {
    const { connection } = this.#reconnect;
    return connection?.opened ? connection.kind : undefined;
  }

  room(name: string, { last, after }: RoomOptions = {}): RoomHandle {
    const entered = this.handles.get(name);
    if (entered) return entered;
    const handle = new RoomHandle(this, name, last);
    if (this.state === "closed") {
      handle.error = closedError();
      handle.update();
      return handle;
    }
    handle.tracker.position =
      parsePosition(after) ?? parsePosition(this.#stored((storage, key) => storage.getItem(key), name));
    this.handles.set(name, handle);
    // In a moment: who is present may be wanted too.
    queueMicrotask(() => this.handles.get(name) === handle && this.#reconnect.connection?.join(handle));
    this.changed();
    return handle;
  }

  publish(room: string, data: unknown, options: PublishOptions = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.state === "closed") throw closedError();
      const { event, key = randomKey() } = options;
      const body = JSON.stringify({ room, event, ...writeData(data), key });
      this.outbox.add({ body, bytes: byteLength(body), resolve, reject });
      this.#reconnect.connection?.flush();
    });
  }

  close(error?: ThumpError): void {
    if (this.state === "closed") return;
    const seats = [...this.handles.values()];
    // A room that is left begins anew; one that is closed goes on with the next page.
    this.handles.clear();
    this.#page.abort();
    this.#reconnect.close();
    this.#become("closed");
    if (error) this.report(error);
    for (const handle of seats) {
      handle.error ??= error;
      handle.update();
    }
    this.outbox.clear(error ?? closedError());
  }

  leave(handle: RoomHandle): void {
    if (this.handles.get(handle.name) !== handle) return;
    this.handles.delete(handle.name);
    // One that was refused is not in it.
    if (!handle.error) this.#reconnect.connection?.leave(handle);
    this.#stored((storage, key) => storage.removeItem(key), handle.name);
    handle.update();
    this.changed();
  }

  rejoin(handle: RoomHandle): void {
    this.#reconnect.connection?.rejoin(handle);
  }

  moved(handle: RoomHandle): void {
    const { name, at } = handle;
    if (at) this.#stored((storage, key) => storage.setItem(key, at), name);
  }

  stateOf(handle: RoomHandle): State {
    if (this.handles.get(handle.name) !== handle) return "closed";
    if (this.#reconnect.waiting) return "offline";
    if (!handle.joined) return "connecting";
    return handle.tracker.isCatchingUp ? "catching up" : "live";
  }

  changed(): void {
    if (this.state === "closed") return;
    const states: State[] = [this.#reconnect.waiting ? "offline" : this.transport ? "live" : "connecting"];
    for (const handle of Array.from(this.handles.values())) {
      handle.update();
      states.push(handle.state);
    }
    // The least of them, as a whole.
    this.#become(STATE_ORDER.find((state) => states.includes(state)) as State);
  }

  async token(): Promise<string | undefined> {
    const { token } = this.options;
    return typeof token === "function" ? token() : token;
  }

  opened(connection: Connection): void {
    this.#reconnect.opened(connection);
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
