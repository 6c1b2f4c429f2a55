// The hub: who is here, and how a publication gets from the log to all of them.
import type { Server } from "bun";
import { now } from "../log/clock.ts";
import { CLOSE, ThumpError } from "../protocol/codes.ts";
import { type Cursor, formatCursor } from "../protocol/cursor.ts";
import type { Draft, Publication, Slice } from "../protocol/publication.ts";
import type { Log } from "../log/log.ts";
import { Sweeper } from "../log/sweeper.ts";
import type { MemoryBudget } from "../rooms/memory-budget.ts";
import type { Rule } from "../rooms/rule.ts";
import type { Rules } from "../rooms/rules.ts";
import type { SocketLimits } from "./backpressure.ts";
import { CatchUp } from "./catch-up.ts";
import { FanOut } from "./fan-out.ts";
import { LogRecovery } from "./log-recovery.ts";
import { Heartbeat } from "./heartbeat.ts";
import { PublishPipeline, type TraceContext } from "./publish-pipeline.ts";
import type { SessionEnd, SessionEvents } from "./session-events.ts";
import { type JoinResult, JoinCoordinator, type JoinStarts } from "./join.ts";
import { RoomLimits } from "./room-limits.ts";
import { PresenceTracker } from "./presence/presence-tracker.ts";
import { Room } from "./room.ts";
import { Sampler } from "./sampler.ts";
import { type Membership, type Session, TopicSession } from "./session.ts";
import { Stats } from "./stats.ts";

export interface HubOptions {
  log: Log;
  rules: Rules;
  socketLimits: SocketLimits;
  events: SessionEvents;
  /** Heartbeat interval in ms. */
  heartbeat: number;
  /** How many rooms one session may be in. */
  roomsPerSession: number;
  /** How many rooms may be in use, and how many of them one address or one user may have opened. */
  roomsInUse: number;
  roomsPerAddress: number;
  /** What the tails here may take together, where the log holds nothing in memory itself. */
  memoryBudget?: MemoryBudget | undefined;
}

/** How often rooms in which nothing happens are looked at for what is too old, in ms. */
const TRIM_INTERVAL_MS = 5000;
/** Where there are many rooms, the time between two slices of them, in ms. */
const TRIM_PAUSE_MS = 50;

export class Hub {
  readonly log: Log;
  readonly socketLimits: SocketLimits;
  readonly events: SessionEvents;
  rules: Rules;
  roomsPerSession: number;
  readonly sessions = new Map<string, Session>();
  /** How many sessions there are from an address, where they are counted. */
  readonly sessionsByAddress = new Map<string, number>();
  readonly rooms = new Map<string, Room>();
  readonly roomLimits: RoomLimits;
  readonly fanOut: FanOut;
  readonly heartbeat: Heartbeat;
  readonly stats = new Stats();
  readonly catchUp: CatchUp = new CatchUp(this);
  readonly sampler = new Sampler();
  readonly memoryBudget: MemoryBudget | undefined;
  readonly #logRecovery: LogRecovery = new LogRecovery(this, this.catchUp);
  readonly #joins = new JoinCoordinator(this, this.catchUp, this.sampler);
  readonly pipeline: PublishPipeline;
  readonly presence: PresenceTracker;
  readonly #housekeeping: Sweeper<Room>;

  constructor(options: HubOptions) {
    this.log = options.log;
    this.rules = options.rules;
    this.socketLimits = options.socketLimits;
    this.events = options.events;
    this.roomsPerSession = options.roomsPerSession;
    const { roomsInUse, roomsPerAddress } = options;
    this.roomLimits = new RoomLimits(this.rooms, roomsInUse, roomsPerAddress, this.log.cachedKeys);
    this.fanOut = new FanOut(this.log, this.sessions, options.socketLimits, this.stats, this.events);
    this.memoryBudget = options.memoryBudget;
    this.pipeline = new PublishPipeline(this.log, this.fanOut, this.stats);
    this.presence = new PresenceTracker(this);
    this.log.onEpochChange = (before) => this.#logRecovery.onEpochChange(before);
    this.heartbeat = new Heartbeat(this.sessions, options.heartbeat);
    // What a quiet room keeps grows old too.
    this.#housekeeping = new Sweeper(
      () => this.rooms.values(),
      ({ history }) => history.trim(now()),
      { rest: TRIM_INTERVAL_MS, pause: TRIM_PAUSE_MS },
    );
  }

  /** Everything up to this seq has left for everybody who is live. */
  get position(): number {
    return this.fanOut.position;
  }

  /** The same as a cursor. */
  get at(): string {
    return formatCursor(this.log.epoch, this.position);
  }

  /** A cursor up to which a session has been sent all that its rooms had; undefined while one of them is not live. */
  sentUpTo(session: Session): string | undefined {
    for (const { live } of session.memberships.values()) if (!live) return undefined;
    return this.at;
  }

  /** The rule of a room: known already where somebody is in it. */
  ruleOf(room: string): Rule {
    return this.rooms.get(room)?.rule ?? this.rules.of(room);
  }

  /** Publishes: the log numbers and keeps it, and gives it to `FanOut.deliver` if anybody here is in the room. */
  publish(draft: Draft, context?: TraceContext): Publication | Promise<Publication> {
    return this.pipeline.publish(draft, context);
  }

  /**
   * Other rules from now on, for rooms that somebody is in too. Nobody leaves, and what the new rules would keep
   * for longer than the old ones did is not there.
   */
  replaceRules(rules: Rules): void {
    const at = now();
    this.rules = rules;
    for (const room of this.rooms.values()) room.applyRule(rules.of(room.name), at);
    this.catchUp.restart();
    this.log.replaceRetention((name) => this.ruleOf(name).retention);
    this.presence.applyRules();
  }

  /** Adds a session. It is in no room yet. */
  add(session: Session): void {
    this.sessions.set(session.id, session);
    this.#count(session, 1);
    this.stats.begun(session.transport);
    this.heartbeat.start(session);
    this.events.began?.(session);
  }

  /** Forgets a session whose connection is gone. The second time there is nothing to forget. */
  remove(session: Session, ending: SessionEnd): void {
    if (session.ended) return;
    session.ended = true;
    for (const membership of session.memberships.values()) this.#leave(membership);
    if (session.lagging) this.stats.lagging--;
    session.lagging = false;
    clearTimeout(session.paceTimer);
    session.paceTimer = undefined;
    if (!this.sessions.delete(session.id)) return;
    this.#count(session, -1);
    this.stats.ended(session.transport, ending.reason);
    this.events.ended(session, ending);
  }

  /** Puts a session into rooms: `JoinCoordinator.join`. */
  join(session: Session, starts: JoinStarts, onJoined: (joined: JoinResult) => void): void | Promise<void> {
    return this.#joins.join(session, starts, onJoined);
  }

  /** Opens a room that no session here was in: from now on the log delivers its publications to this process. */
  openRoom(name: string, opener: Session): Room {
    const room = new Room(name, this.rules.of(name), this.memoryBudget);
    this.rooms.set(name, room);
    this.roomLimits.enter(name, opener);
    const starting = this.log.subscribe(
      name,
      (publication) => this.#deliver(room, publication),
      (after) => this.#logRecovery.subscribe(room, after),
    );
    const opening = this.presence.open(room);
    if (starting)
      room.starting = Promise.all([starting, opening]).then(() => void (room.starting = undefined));
    else this.#logRecovery.subscribe(room, this.log.last);
    return room;
  }

  /** The log has a publication for a room: it leaves for all sessions in it. */
  #deliver(room: Room, publication: Publication): void {
    this.pipeline.deliver(room, publication);
    this.#logRecovery.evict();
  }

  /** Hands over Bun's server: publications reach sockets through its native topics. */
  attach(server: Pick<Server<unknown>, "publish">): void {
    this.fanOut.publishToTopic = (topic, wire, compress) => server.publish(topic, wire, compress);
  }

  /** Takes a session out of a room. @throws ThumpError `not-joined` */
  leave(session: Session, name: string): void {
    const membership = session.memberships.get(name);
    if (!membership) throw new ThumpError("not-joined", `This session is not in "${name}".`);
    // A stream has one channel for all of its rooms: it goes on in another, from where it is.
    if (membership.live && !(session instanceof TopicSession)) this.fanOut.pauseLive(session, this.position);
    this.#leave(membership);
    session.memberships.delete(name);
    if (session.catchingUp && !session.ended) this.catchUp.resume(session);
  }

  /** A session's connection can take more: goes on with its catch-up. */
  onDrained(session: Session): void {
    if (session.catchingUp) this.catchUp.resume(session);
    else if (session.uninformed) this.fanOut.presence.onCaughtUp(session);
  }

  /** A room's publications after a position: from its tail where that reaches back far enough, else from the log. */
  read(name: string, after: number, limit: number): Slice | Promise<Slice> {
    const history = this.rooms.get(name)?.history;
    if (history) {
      history.trim(now());
      if (after >= history.floor) return history.read(after, limit);
    }
    return this.#logRecovery.keep(name, this.log.read(name, after, limit));
  }

  /** The newest publications of a room, from the log. */
  newest(name: string, count: number): Slice | Promise<Slice> {
    return this.#logRecovery.keep(name, this.log.newest(name, count));
  }

  /** The log has let go of a room's publications up to a seq: what is kept here of them must go too. */
  release(name: string, upTo: number): void {
    this.rooms.get(name)?.history.releaseUpTo(upTo);
  }

  /** Forgets what is kept of a room. */
  forget(name: string): void | Promise<void> {
    this.rooms.get(name)?.forget();
    return this.log.forget(name);
  }

  /** Ends a session that cannot go on because of a fault of ours. */
  fail(session: Session, error: unknown): void {
    // It passes: the client comes back later.
    if (error instanceof ThumpError && (error.code === "unavailable" || error.code === "busy"))
      return session.end(CLOSE.unavailable, error.code);
    this.events.fault("a session was ended by a fault", error);
    session.end(CLOSE.internal, "internal error");
  }

  /** Stops timers. Sessions are the drain's business. */
  stop(): void {
    this.heartbeat.stop();
    this.#housekeeping.stop();
    this.presence.stop();
    this.sampler.stop();
    for (const session of this.sessions.values()) this.remove(session, { reason: "stopped" });
  }

  /** A cursor of another life of the log, or from a future that this one has not had: it covers nothing. */
  isForeignCursor({ epoch, seq }: Cursor): boolean {
    return epoch !== this.log.epoch || seq > this.position;
  }

  #leave(membership: Membership): void {
    const { room, session } = membership;
    if (!room.members.has(membership)) return; // It left as it ended: the name may be another room's by now.
    if (membership.live) this.fanOut.detach(membership);
    if (membership.max) this.sampler.remove(membership);
    this.catchUp.remove(membership);
    if (membership.presence) this.fanOut.presence.end(membership);
    this.presence.leave(membership);
    room.members.delete(membership);
    room.changes++;
    const next = room.members.values().next().value;
    this.roomLimits.leave(room.name, session, next?.session);
    if (next) return;
    this.rooms.delete(room.name);
    room.history.forget();
    this.log.unsubscribe(room.name);
  }

  #count({ addressKey }: Session, change: 1 | -1): void {
    if (addressKey === undefined) return;
    const count = (this.sessionsByAddress.get(addressKey) ?? 0) + change;
    if (count > 0) this.sessionsByAddress.set(addressKey, count);
    else this.sessionsByAddress.delete(addressKey);
  }
}
