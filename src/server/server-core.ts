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
import { CLOSE } from "../protocol/codes.ts";
import { Content } from "../protocol/content.ts";
import { formatCursor } from "../protocol/cursor.ts";
import { SessionEventList } from "../hub/session-events.ts";
import type { LatencyHistogram } from "../hub/latency-histogram.ts";
import { createLog } from "./create-log.ts";
import { SessionLogger, warn, warnUntrustedProxy } from "./session-logger.ts";
import { measureLoopDelay } from "./metrics/loop-delay.ts";
import { joinCluster } from "./join-cluster.ts";
import type { PublishOptions } from "./publish-options.ts";
import type { Settings } from "./config/settings.ts";
import { createRuntimeConfig } from "./config/runtime-config.ts";
import { setUserTimeout } from "./tcp-user-timeout.ts";

/** How long a drain waits for connections to go before it gives up on them, in ms. */
const MAX_DRAIN_MS = 10_000;
/** So many sessions are ended in one turn. */
const SESSIONS_ENDED_PER_TICK = 250;

/** All parts of a server. Code outside of Thump has a `ThumpServer` instead, which hides them. */
export class ServerCore {
  /** Tells Elysia, which writes it down as JSON, the routes of one server from those of another. */
  readonly seed = crypto.randomUUID();
  readonly hub: Hub;
  readonly service: RoomService;
  readonly origins: Origins;
  readonly trustedProxies: TrustedProxies;
  readonly socketLimits: SocketLimits;
  /** Those who are told how sessions end, and of faults. */
  readonly events = new SessionEventList(new SessionLogger());
  /** What is kept of all rooms. */
  readonly memoryBudget: MemoryBudget;
  /** Told to stop: no new sessions. */
  draining = false;
  /** Whether Bun's router matches these routes, by the raw target: then no other request is for one of them. */
  routedByBun = true;
  /** Bun's server, once it is known. */
  server: Server<unknown> | null = null;
  /** Called when the server is known: what needs one begins. */
  onAttach = () => {};
  /** How often the settings were read again. */
  readonly reloads = { done: 0, failed: 0 };
  readonly #closing: (() => unknown)[] = [];
  #loopDelay: LatencyHistogram | undefined;

  /** The settings that it began with: Bun's own limits were made from them. */
  readonly initialSettings: Settings;
  readonly connectionThrottle = new ConnectionThrottle();

  /**
   * @param settings what holds now: a reload replaces them
   * @throws OptionsError when a key or a schema cannot be used; StoreError when what is kept cannot
   */
  constructor(public settings: Settings) {
    this.initialSettings = settings;
    const events = this.events;
    const { authenticator, rules } = createRuntimeConfig(settings, events);
    this.socketLimits = socketLimitsFor(settings.maxMessage);
    this.memoryBudget = new MemoryBudget(settings.memory);
    this.hub = new Hub({
      log: createLog(settings, {
        // Rooms that somebody is in know their rule. The log asks for some before there is a hub.
        retentionOf: (room) => (this.hub?.ruleOf(room) ?? rules.of(room)).retention,
        fingerprint: () => (this.hub?.rules ?? rules).fingerprint,
        memoryBudget: this.memoryBudget,
        onRelease: (room, upTo) => this.hub.release(room, upTo),
        onFault: (what, error) => events.fault(what, error ?? "it is over"),
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

  /** Whom it believes, and what was revoked. */
  get authenticator(): Authenticator {
    return this.service.authenticator;
  }

  /**
   * Publishes from code: JSON values, or a Uint8Array. Resolves with the cursor once the log has kept it.
   * @throws ThumpError when the name or the data does not fit the room's rule
   */
  async publish(room: string, data: unknown, options: PublishOptions = {}): Promise<{ at: string }> {
    const { seq } = await this.service.publish(
      { principal: SERVER },
      { room, content: Content.value(data), ...options },
    );
    return { at: formatCursor(this.hub.log.epoch, seq) };
  }

  /** How many sessions are in a room, on any transport. */
  sessionsIn(room: string): number {
    return this.service.sessionsIn(room);
  }

  /**
   * Ends all sessions: each once what it was behind with has reached it, or after 10 s, and tells it to come
   * back at a time of its own within `settings.drain`. Publications are still taken and acknowledged.
   */
  async drain(): Promise<void> {
    this.draining = true;
    // Who is told to come back elsewhere need not hear that the others are.
    this.hub.presence.stop();
    const { hub } = this;
    const deadline = performance.now() + MAX_DRAIN_MS;
    while (hub.sessions.size > 0) {
      let ended = 0;
      for (const session of hub.sessions.values()) {
        if ((session.catchingUp || session.hasUnsent()) && performance.now() < deadline) continue;
        session.end(CLOSE.goingAway, String(Math.floor(Math.random() * this.settings.drain)));
        // Thousands of them are not to hold up what is published meanwhile.
        if (++ended % SESSIONS_ENDED_PER_TICK === 0) await new Promise(setImmediate);
      }
      if (hub.sessions.size > 0) await Bun.sleep(20);
    }
  }

  /** How late its event loop is: looked at from when somebody first asks. */
  get loopDelay(): LatencyHistogram {
    if (this.#loopDelay) return this.#loopDelay;
    const { delay, stop } = measureLoopDelay();
    this.onClose(stop);
    return (this.#loopDelay = delay);
  }

  /** Why it should get no new clients just now; undefined when all is well. */
  get unready(): "draining" | "unavailable" | undefined {
    if (this.draining) return "draining";
    return this.hub.log.fault === undefined ? undefined : "unavailable";
  }

  /**
   * Hands over Bun's server: by it addresses of clients are known, and sockets of a room are reached. An app that listens
   * does it by itself; one that is served by `Bun.serve({ fetch: app.fetch })` has to.
   */
  attach(server: Server<unknown>): void {
    this.server = server;
    this.hub.attach(server);
    // Where there are secrets, a name that points here by trickery brings no token along.
    const local = isLoopback(server.hostname ?? "");
    this.origins.loopbackOnly = () => local && !this.authenticator.isConfigured;
    // Streams as sockets: a client that gives no sign of life over two heartbeats is gone.
    if (server.port !== undefined) setUserTimeout(server.port, 2 * this.hub.heartbeat.interval);
    this.onAttach();
  }

  /** What else is to be done when it closes. */
  onClose(run: () => unknown): void {
    this.#closing.push(run);
  }

  /** Stops timers and closes the log. Nothing can be published afterwards. */
  async close(): Promise<void> {
    this.hub.stop();
    await this.hub.log.close();
    for (const run of this.#closing.splice(0)) await run();
  }
}
