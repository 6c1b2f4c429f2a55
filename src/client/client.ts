// The client: joins rooms on one server over one connection, and reconnects when the connection ends.
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

/** Options of `connect`. */
export interface ConnectOptions extends TransportOptions {
  /**
   * The token that authenticates this client, or a function that fetches a token. The function is called for each
   * connection, and before the current token expires. Default: none; the client connects as a guest.
   * @example () => fetch("/token").then((response) => response.text())
   */
  token?: string | (() => string | undefined | Promise<string | undefined>);
  /**
   * Storage for the positions of rooms, such as `sessionStorage`. After a page load, rooms resume from the stored
   * positions, which take precedence over `last`. Received messages are not sent again, so use this only in pages that
   * keep their messages across a reload. Default: none.
   */
  resume?: Storage;
  /**
   * Limits on queued publications. When a limit is exceeded, `publish` rejects with `queue-full`. Default: 10,000 and 4
   * MiB.
   */
  queue?: OutboxLimits;
  /** The only transport to use. Default: a WebSocket, or event streams while WebSockets are blocked. */
  transport?: Connection["kind"];
  /** Maximum time in ms for a connection to open, and for a request to be answered. Default: 10,000. */
  timeout?: number;
  /** Maximum delay before a reconnect. The delay is random, and the maximum doubles with each failed attempt. */
  backoff?: {
    /** Maximum delay in ms before the first attempt. Default: 500. */
    first?: number;
    /** Maximum delay in ms before any attempt. Default: 30,000. */
    most?: number;
  };
  /**
   * After a fallback to streams, the delay in ms before the client tries a WebSocket again. The delay doubles each
   * time, up to ten minutes. Default: 15,000.
   */
  socketRetry?: number;
}

/** The states of an open client, worst first. */
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
    // A browser's `fetch` throws when called as a method of another object.
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
    const existing = this.handles.get(name);
    if (existing) return existing;
    const handle = new RoomHandle(this, name, last);
    if (this.state === "closed") {
      handle.error = closedError();
      handle.update();
      return handle;
    }
    handle.tracker.position =
      parsePosition(after) ?? parsePosition(this.#stored((storage, key) => storage.getItem(key), name));
    this.handles.set(name, handle);
    // Join after the current task, because the task may still request presence.
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
    const handles = [...this.handles.values()];
    // `leave` forgets a room's position; `close` keeps the position for the next page.
    this.handles.clear();
    this.#page.abort();
    this.#reconnect.close();
    this.#become("closed");
    if (error) this.report(error);
    for (const handle of handles) {
      handle.error ??= error;
      handle.update();
    }
    this.outbox.clear(error ?? closedError());
  }

  leave(handle: RoomHandle): void {
    if (this.handles.get(handle.name) !== handle) return;
    this.handles.delete(handle.name);
    // If the room has an error, the server has already removed us.
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
    // The worst state of the connection and its rooms.
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
  return new ThumpError("closed", "The client is closed.");
}

/** A random idempotency key. `crypto.randomUUID` is not available on plain HTTP pages. */
function randomKey(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}

/**
 * Connects to a server, and reconnects until `close()` is called. The type argument, the server's room rules,
 * determines the types of room names and data.
 * @param url the server's URL, including the plugin's prefix, if any. In a page, a path is resolved against the page's
 * URL
 * @example const thump = connect<typeof rooms>("https://app.example");
 */
export function connect<Rules extends RoomRules = RoomRules>(
  url: string | URL,
  options: ConnectOptions = {},
): Thump<Rules> {
  const here = (globalThis as { location?: { href: string } }).location?.href;
  const base = new URL(url, here).href.replace(/^ws/, "http").replace(/\/+$/, "");
  return new Client(base, options) as unknown as Thump<Rules>;
}
