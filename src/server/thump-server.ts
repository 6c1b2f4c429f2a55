// ThumpServer: the public handle of a server. All other parts of the server are in its ServerCore.
import type { Server } from "bun";
import type { Settings } from "./config/settings.ts";
import type { PublishOptions } from "./publish-options.ts";
import type { SubscribeOptions } from "./subscribe-options.ts";
import type { RoomGap, RoomMessage, RoomPosition } from "../transports/room-subscription.ts";
import { ServerCore } from "./server-core.ts";

/** Set by the class, because only its own code can read `#core`. */
let readCore: (thump: ThumpServer) => ServerCore;

/** Returns the core behind a handle. Only for Thump's own code: index.ts does not export this function. */
export function coreOf(thump: ThumpServer): ServerCore {
  return readCore(thump);
}

/**
 * Handle of a running server. It publishes from code in the same process, and controls the server's life cycle.
 * `serve()` returns the handle as `thump`. In an Elysia app, the handle is `app.decorator.thump`; routes receive it in
 * their context as `thump`.
 */
export class ThumpServer {
  readonly #core: ServerCore;

  /**
   * @internal Created by `serve()` and by the plugin.
   * @throws OptionsError if a key or a schema cannot be used
   * @throws StoreError if the data file or its folder cannot be used
   */
  constructor(settings: Settings) {
    this.#core = new ServerCore(settings);
  }

  static {
    readCore = (thump) => thump.#core;
  }

  /**
   * Publishes to a room. Rate limits and access levels do not apply.
   * @param data a JSON value, or a `Uint8Array` for binary data
   * @returns the publication's cursor, once the log has stored the publication
   * @throws ThumpError with the code `invalid-room`, `invalid-event`, `too-large`, `invalid` (the rule's schema rejects
   * the data), `forbidden` (a `thump:*` room), `key-reused` or `unavailable` (the log cannot be reached)
   * @example await thump.publish("orders", { id: 4711 }, { event: "created" });
   */
  publish(room: string, data: unknown, options: PublishOptions = {}): Promise<{ at: string }> {
    return this.#core.publish(room, data, options);
  }

  /**
   * Subscribes to a room from code. The subscription starts immediately. It ends when its loop exits, when `signal` is
   * aborted, or when the server drains. If the loop reads slowly, the subscription stores its position instead of
   * buffering every message. The room's access levels do not apply. A subscription counts as a session, but not for
   * presence.
   * @returns an iterator that yields messages, and a gap notice in place of messages after `after` that are no longer
   * stored
   * @throws ThumpError with the code `invalid-room`, `invalid-cursor`, `draining` or `busy`
   * @example for await (const item of thump.subscribe("orders")) if (item.type === "message") await handle(item.data);
   */
  subscribe(
    room: string,
    options: SubscribeOptions = {},
  ): AsyncIterableIterator<RoomMessage | RoomGap | RoomPosition, undefined> {
    return this.#core.subscribe(room, options);
  }

  /**
   * Number of sessions in a room on this server, across all transports. Sessions on other nodes of a cluster do not
   * count.
   * @example if (thump.sessionsIn("ticker") > 0) await thump.publish("ticker", await quote());
   */
  sessionsIn(room: string): number {
    return this.#core.sessionsIn(room);
  }

  /**
   * Why this server should receive no new clients: `"draining"` after `drain()` was called, `"unavailable"` while the log
   * cannot store publications. Undefined while the server is ready. Use it for the readiness check of your own app.
   * @example app.get("/readyz", ({ thump, status }) => thump.unready ? status(503, thump.unready) : "ready");
   */
  get unready(): "draining" | "unavailable" | undefined {
    return this.#core.unready;
  }

  /**
   * Refuses new sessions and ends all existing ones. A session ends when it has received its pending messages, or after
   * 10 s. Each client receives a random delay within the `drain` period, after which it reconnects. Publications are
   * still accepted.
   * @returns a promise that resolves when no session is left
   * @example process.on("SIGTERM", async () => { await app.decorator.thump.drain(); await app.stop(); });
   */
  drain(): Promise<void> {
    return this.#core.drain();
  }

  /**
   * Passes Bun's server to Thump, which uses it to send to sockets and to read client addresses. With Elysia's
   * `listen()`, this happens automatically. An app served by `Bun.serve()` must call this method.
   * @example app.decorator.thump.attach(Bun.serve({ fetch: app.fetch }));
   */
  attach(server: Server<unknown>): void {
    this.#core.attach(server);
  }

  /**
   * Stops all timers and closes the log. Later publications fail. Call `drain()` first.
   * @returns a promise that resolves when everything is stored and closed
   * @example await app.decorator.thump.close();
   */
  close(): Promise<void> {
    return this.#core.close();
  }
}
