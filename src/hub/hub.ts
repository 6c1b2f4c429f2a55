// The hub: the sessions and open rooms in this process. Creates the parts that deliver publications, and connects them
// through the interfaces that they need.
import type { Server } from "bun";
import { now } from "../log/clock.ts";
import type { Log } from "../log/log.ts";
import { type Cursor, formatCursor } from "../protocol/cursor.ts";
import type { Draft, Publication } from "../protocol/publication.ts";
import type { Rule } from "../rooms/rule.ts";
import type { Rules } from "../rooms/rules.ts";
import type { SocketLimits } from "./backpressure.ts";
import { CatchUp, type CatchUpHost } from "./catch-up.ts";
import { FanOut } from "./fan-out.ts";
import { Heartbeat } from "./heartbeat.ts";
import { HistoryCache } from "./history-cache.ts";
import type { HubOptions } from "./hub-options.ts";
import { JoinCoordinator, type JoinHost, type JoinResult, type JoinStarts } from "./join.ts";
import { LeaveCoordinator, type LeaveHost } from "./leave.ts";
import { LogRecovery, type LogRecoveryHost } from "./log-recovery.ts";
import { type PresenceHost, PresenceTracker } from "./presence/presence-tracker.ts";
import { PublishPipeline, type TraceContext } from "./publish-pipeline.ts";
import type { Room } from "./room.ts";
import { RoomLimits } from "./room-limits.ts";
import { RoomRegistry, type RoomRegistryHost } from "./room-registry.ts";
import { Sampler } from "./sampler.ts";
import type { Session, StreamSink } from "./session.ts";
import type { SessionEnd, SessionEvents } from "./session-events.ts";
import { SessionRegistry } from "./session-registry.ts";
import { Stats } from "./stats.ts";
import type { StreamBatcher } from "./stream-batcher.ts";

export class Hub
  implements CatchUpHost, JoinHost, LeaveHost, LogRecoveryHost, PresenceHost, RoomRegistryHost
{
  readonly log: Log;
  readonly socketLimits: SocketLimits;
  readonly events: SessionEvents;
  rules: Rules;
  roomsPerSession: number;
  readonly stats = new Stats();
  readonly sampler = new Sampler();
  readonly roomLimits: RoomLimits;
  readonly fanOut: FanOut;
  readonly heartbeat: Heartbeat;
  readonly histories: HistoryCache;
  readonly pipeline: PublishPipeline;
  readonly catchUp: CatchUp;
  readonly presence: PresenceTracker;
  readonly #sessions: SessionRegistry;
  readonly #rooms: RoomRegistry;
  readonly logRecovery: LogRecovery;
  readonly #joins: JoinCoordinator;
  readonly #leaves: LeaveCoordinator;

  constructor(options: HubOptions) {
    const { log, rules, socketLimits, events, memoryBudget } = options;
    this.log = log;
    this.rules = rules;
    this.socketLimits = socketLimits;
    this.events = events;
    this.roomsPerSession = options.roomsPerSession;
    this.#sessions = new SessionRegistry(this.stats, events);
    this.#rooms = new RoomRegistry(this, memoryBudget);
    this.roomLimits = new RoomLimits(
      this.rooms,
      options.roomsInUse,
      options.roomsPerAddress,
      log.positionTtlMs,
    );
    this.fanOut = new FanOut(log, this.sessions, socketLimits, this.stats, events);
    this.heartbeat = new Heartbeat(this.sessions, options.heartbeat);
    this.histories = new HistoryCache(this.rooms, log, memoryBudget);
    this.pipeline = new PublishPipeline(log, this.fanOut, this.stats);
    this.catchUp = new CatchUp(this);
    this.logRecovery = new LogRecovery(this, this.catchUp);
    this.#joins = new JoinCoordinator(this, this.#rooms, this.catchUp, this.sampler);
    this.#leaves = new LeaveCoordinator(this, this.#rooms);
    this.presence = new PresenceTracker(this);
    log.onEpochChange = (before) => this.logRecovery.onEpochChange(before);
  }

  /** The connected sessions, by id. */
  get sessions(): ReadonlyMap<string, Session> {
    return this.#sessions.byId;
  }

  /** See `SessionRegistry.byAddress`. */
  get sessionsByAddress(): ReadonlyMap<string, number> {
    return this.#sessions.byAddress;
  }

  /** The open rooms, by name. */
  get rooms(): ReadonlyMap<string, Room> {
    return this.#rooms.byName;
  }

  /** The seq up to which all live sessions have received everything. */
  get position(): number {
    return this.fanOut.position;
  }

  /** `position` as a cursor. */
  get at(): string {
    return formatCursor(this.log.epoch, this.position);
  }

  /** Converts a seq in the current epoch to a cursor. */
  cursorAt(seq: number): string {
    return formatCursor(this.log.epoch, seq);
  }

  /** The current epoch of the log. */
  get epoch(): string {
    return this.log.epoch;
  }

  /**
   * The cursor up to which all publications have been sent to a session; undefined while the session is not live in all
   * of its rooms.
   */
  sentUpTo(session: Session): string | undefined {
    for (const { live } of session.memberships.values()) if (!live) return undefined;
    return this.at;
  }

  /** Returns the rule of a room, whether or not the room is open. */
  ruleOf(room: string): Rule {
    return this.rooms.get(room)?.rule ?? this.rules.of(room);
  }

  /** Returns true if a cursor is not from this log: its epoch is different, or it is ahead of the log. */
  isForeignCursor({ epoch, seq }: Cursor): boolean {
    return epoch !== this.log.epoch || seq > this.position;
  }

  /** Publishes: the log numbers and stores the publication, and fan-out sends it to the room's sessions. */
  publish(draft: Draft, context?: TraceContext): Publication | Promise<Publication> {
    return this.pipeline.publish(draft, context);
  }

  /** A socket that buffers more bytes than this is detached. */
  get highWatermark(): number {
    return this.socketLimits.highWatermark;
  }

  /** The heartbeat interval of each session, in ms. */
  get heartbeatMs(): number {
    return this.heartbeat.interval;
  }

  /** Reserves budget for bytes that are about to be sent to one socket. See `FlowBudget.reserve`. */
  reserve(bytes: number): void {
    this.fanOut.flow.reserve(bytes);
  }

  /** Counts publications sent to one session outside the live fan-out. */
  countDelivered(publications: number, bytes: number): void {
    this.stats.delivered(publications, bytes);
  }

  /** Adds a stream to the live fan-out. See `StreamBatchers.add`. */
  attachStream(stream: StreamSink, rooms: Room[]): StreamBatcher {
    return this.fanOut.batchers.add(stream, rooms);
  }

  /** Detaches a slow session from the live fan-out. See `FanOut.detachSlow`. */
  detachSlow(session: Session, position: number): void {
    this.fanOut.detachSlow(session, position);
  }

  /** Removes a stream from the live fan-out. See `StreamBatchers.remove`. */
  detachStream(stream: StreamSink, batcher: StreamBatcher): void {
    this.fanOut.batchers.remove(stream, batcher);
  }

  /**
   * Replaces the rules, including those of open rooms. Sessions stay in their rooms. Messages that the old rules did
   * not store remain unavailable.
   */
  replaceRules(rules: Rules): void {
    const at = now();
    this.rules = rules;
    for (const room of this.rooms.values()) room.applyRule(rules.of(room.name), at);
    this.catchUp.restart();
    this.log.replaceRetention((name) => this.ruleOf(name).retention);
    this.presence.applyRules();
  }

  /** Adds a session that has not joined any rooms. */
  add(session: Session): void {
    this.heartbeat.start(session);
    this.#sessions.add(session);
  }

  /** Removes a session whose connection is closed. Further calls have no effect. */
  remove(session: Session, ending: SessionEnd): void {
    if (session.ended) return;
    session.ended = true;
    this.#leaves.leaveAll(session);
    this.catchUp.stop(session);
    this.fanOut.remove(session);
    this.#sessions.remove(session, ending);
    session.onRemoved();
  }

  /** Adds a session to rooms. See `JoinCoordinator.join`. */
  join(session: Session, starts: JoinStarts, onJoined: (joined: JoinResult) => void): void | Promise<void> {
    return this.#joins.join(session, starts, onJoined);
  }

  /** Called when the log delivers a publication: sends it to all sessions in the room. */
  onPublication(room: Room, publication: Publication): void {
    this.pipeline.deliver(room, publication);
    this.histories.evict();
  }

  /** Sets Bun's server, whose native topics carry publications to sockets. */
  attach(server: Pick<Server<unknown>, "publish">): void {
    this.fanOut.publishToTopic = (topic, wire, compress) => server.publish(topic, wire, compress);
  }

  /** Removes a session from a room. @throws ThumpError `not-joined` */
  leave(session: Session, name: string): void {
    this.#leaves.leave(session, name);
  }

  /** Called when a session's connection has drained: continues its catch-up, or sends its presence snapshots. */
  onDrained(session: Session): void {
    if (session.catchingUp) this.catchUp.resume(session);
    else if (session.uninformed) this.fanOut.presence.onCaughtUp(session);
  }

  /** See `HistoryCache.forget`. */
  forget(name: string): void | Promise<void> {
    return this.histories.forget(name);
  }

  /** Ends a session because of a server error. See `SessionRegistry.fail`. */
  fail(session: Session, error: unknown): void {
    this.#sessions.fail(session, error);
  }

  /** Stops all timers and removes the remaining sessions. Normally, a drain has already ended all sessions. */
  stop(): void {
    this.heartbeat.stop();
    this.histories.stop();
    this.presence.stop();
    this.sampler.stop();
    for (const session of this.sessions.values()) this.remove(session, { reason: "stopped" });
  }
}
