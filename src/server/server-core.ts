// ServerCore: creates and connects the log, rules, hub and room service of one server. No HTTP here.
import type { Server } from "bun";
import type { Authenticator } from "../auth/authenticator.ts";
import { SERVER } from "../auth/principal.ts";
import { RoomService } from "../service/room-service.ts";
import { Limiter } from "../limits/limiter.ts";
import { isLoopback } from "../limits/local-request.ts";
import { Origins } from "../auth/origins.ts";
import { SessionLimit } from "../limits/session-limit.ts";
import { Authorizer } from "../auth/authorizer.ts";
import { TrustedProxies } from "../limits/trusted-proxies.ts";
import { ConnectionThrottle } from "../limits/connection-throttle.ts";
import { type SocketLimits, socketLimitsFor } from "../hub/backpressure.ts";
import { Hub } from "../hub/hub.ts";
import { MemoryBudget } from "../rooms/memory-budget.ts";
import { CLOSE, ThumpError } from "../protocol/codes.ts";
import { Content } from "../protocol/content.ts";
import { formatCursor, parseCursor } from "../protocol/cursor.ts";
import { checkRoomName } from "../protocol/names.ts";
import { RoomSubscription } from "../transports/room-subscription.ts";
import { SessionEventList } from "../hub/session-events.ts";
import type { LatencyHistogram } from "../hub/latency-histogram.ts";
import { createLog } from "./create-log.ts";
import { SessionLogger, warn, warnUntrustedProxy } from "./session-logger.ts";
import { measureLoopDelay } from "./metrics/loop-delay.ts";
import { joinCluster } from "./join-cluster.ts";
import type { PublishOptions } from "./publish-options.ts";
import type { SubscribeOptions } from "./subscribe-options.ts";
import type { Settings } from "./config/settings.ts";
import { createRuntimeConfig } from "./config/runtime-config.ts";
import { setUserTimeout } from "./tcp-user-timeout.ts";

/** Maximum time that a drain waits for lagging sessions. */
const MAX_DRAIN_MS = 10_000;
const SESSIONS_ENDED_PER_TICK = 250;

/** All parts of a server. Code outside Thump uses a `ThumpServer`, which hides them. */
export class ServerCore {
  /**
   * Distinguishes the routes of several servers in one app, because Elysia drops plugins with the same name and seed.
   */
  readonly seed = crypto.randomUUID();
  readonly hub: Hub;
  readonly service: RoomService;
  readonly origins: Origins;
  readonly trustedProxies: TrustedProxies;
  readonly socketLimits: SocketLimits;
  /** Listeners for session and fault events. */
  readonly events = new SessionEventList(new SessionLogger());
  /** Memory budget for the stored messages of all rooms. */
  readonly memoryBudget: MemoryBudget;
  /** Whether the server is draining. If so, new sessions are refused. */
  draining = false;
  /** Whether Bun's router does the routing: it matches the raw path. */
  routedByBun = true;
  /** Bun's server; null until `attach` is called. */
  server: Server<unknown> | null = null;
  /** Called by `attach`. */
  onAttach = () => {};
  /** Number of reloads since the start. */
  readonly reloads = { done: 0, failed: 0 };
  readonly #closing: (() => unknown)[] = [];
  #loopDelay: LatencyHistogram | undefined;

  /** The settings at startup, which determined Bun's limits. */
  readonly initialSettings: Settings;
  readonly connectionThrottle = new ConnectionThrottle();

  /**
   * @param settings the current settings, which a reload replaces
   * @throws OptionsError if a key or a schema cannot be used
   * @throws StoreError if the data file or its folder cannot be used
   */
  constructor(public settings: Settings) {
    this.initialSettings = settings;
    const events = this.events;
    const { authenticator, rules } = createRuntimeConfig(settings, events);
    this.socketLimits = socketLimitsFor(settings.maxMessage);
    this.memoryBudget = new MemoryBudget(settings.memory);
    this.hub = new Hub({
      log: createLog(settings, {
        // The log calls this before the hub exists.
        retentionOf: (room) => (this.hub?.ruleOf(room) ?? rules.of(room)).retention,
        fingerprint: () => (this.hub?.rules ?? rules).fingerprint,
        memoryBudget: this.memoryBudget,
        onRelease: (room, upTo) => this.hub.histories.release(room, upTo),
        onFault: (what, error) => events.fault(what, error ?? "recovered"),
        onWarning: warn,
        onForget: (room) => this.hub.rooms.get(room)?.forget(),
      }),
      rules,
      socketLimits: this.socketLimits,
      events,
      heartbeat: settings.heartbeat,
      roomsPerSession: settings.roomsPerSession,
      roomsInUse: settings.roomsInUse,
      roomsPerAddress: settings.roomsPerAddress,
      memoryBudget: settings.store.kind === "redis" ? this.memoryBudget : undefined,
    });
    const authorizer = new Authorizer(this.hub, authenticator.isConfigured, settings.authorize);
    const limiter = new Limiter(settings.rates);
    const sessionLimit = new SessionLimit(this.hub, settings.maxSessions, settings.sessionsPerAddress);
    const { maxMessage, bodyTime } = settings;
    this.service = new RoomService(
      this.hub,
      maxMessage,
      bodyTime,
      authenticator,
      authorizer,
      limiter,
      sessionLimit,
    );
    this.service.bodyMemory.max = settings.bodies;
    joinCluster(this.hub, this.service);
    this.origins = new Origins(settings.origins);
    this.trustedProxies = new TrustedProxies(settings.proxies, settings.forwardedHeader, warnUntrustedProxy);
  }

  /** The current authenticator, which a reload replaces. */
  get authenticator(): Authenticator {
    return this.service.authenticator;
  }

  /** See `ThumpServer.publish`. */
  async publish(room: string, data: unknown, options: PublishOptions = {}): Promise<{ at: string }> {
    const { seq } = await this.service.publish(
      { principal: SERVER },
      { room, content: Content.value(data), ...options },
    );
    return { at: formatCursor(this.hub.log.epoch, seq) };
  }

  /** See `ThumpServer.sessionsIn`. */
  sessionsIn(room: string): number {
    return this.service.sessionsIn(room);
  }

  /** See `ThumpServer.subscribe`. */
  subscribe(room: string, options: SubscribeOptions): RoomSubscription {
    checkRoomName(room);
    const after = options.after === undefined ? undefined : parseCursor(options.after);
    if (this.draining) throw new ThumpError("draining", "The server is shutting down.");
    const { signal } = options;
    this.service.checkSessionLimit({});
    const subscription = new RoomSubscription(this.hub, options.positions ?? false);
    subscription.start(room, { after, last: options.last }, signal);
    return subscription;
  }

  /** See `ThumpServer.drain`. */
  async drain(): Promise<void> {
    this.draining = true;
    // Clients that are about to reconnect need no leave notifications.
    this.hub.presence.stop();
    const { hub } = this;
    const deadline = performance.now() + MAX_DRAIN_MS;
    while (hub.sessions.size > 0) {
      let ended = 0;
      for (const session of hub.sessions.values()) {
        if ((session.catchingUp || session.hasUnsent()) && performance.now() < deadline) continue;
        session.end(CLOSE.goingAway, String(Math.floor(Math.random() * this.settings.drain)));
        // Ending thousands of sessions must not delay publications.
        if (++ended % SESSIONS_ENDED_PER_TICK === 0) await new Promise(setImmediate);
      }
      if (hub.sessions.size > 0) await Bun.sleep(20);
    }
  }

  /** Event-loop delay, measured since the first access. */
  get loopDelay(): LatencyHistogram {
    if (this.#loopDelay) return this.#loopDelay;
    const { delay, stop } = measureLoopDelay();
    this.onClose(stop);
    return (this.#loopDelay = delay);
  }

  /** See `ThumpServer.unready`. */
  get unready(): "draining" | "unavailable" | undefined {
    if (this.draining) return "draining";
    return this.hub.log.fault === undefined ? undefined : "unavailable";
  }

  /** See `ThumpServer.attach`. */
  attach(server: Server<unknown>): void {
    this.server = server;
    this.hub.attach(server);
    // Protects a server without credentials against DNS rebinding. With credentials, a malicious page has no token.
    const local = isLoopback(server.hostname ?? "");
    this.origins.loopbackOnly = () => local && !this.authenticator.isConfigured;
    // Streams, like sockets, end when the client does not respond for two heartbeats.
    if (server.port !== undefined) setUserTimeout(server.port, 2 * this.hub.heartbeat.interval);
    this.onAttach();
  }

  /** Adds a function that `close` calls. */
  onClose(run: () => unknown): void {
    this.#closing.push(run);
  }

  /** See `ThumpServer.close`. */
  async close(): Promise<void> {
    this.hub.stop();
    await this.hub.log.close();
    for (const run of this.#closing.splice(0)) await run();
  }
}
