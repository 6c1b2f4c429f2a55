// The hub: who is here, and how a publication gets from the log to all of them.
import { CLOSE, ThumpError, unavailable } from "../protocol/codes.ts";
import { type Cursor, formatCursor } from "../protocol/cursor.ts";
import type { Gap } from "../protocol/envelope.ts";
import type { Draft, Publication, Slice } from "../protocol/publication.ts";
import type { Log } from "../log/log.ts";
import type { Memory } from "../rooms/memory.ts";
import type { Rule } from "../rooms/rule.ts";
import type { Rules } from "../rooms/rules.ts";
import type { SocketBounds } from "./bounds.ts";
import { CatchUp, newestOfEach } from "./catch-up.ts";
import { FanOut } from "./fan-out.ts";
import { Following } from "./following.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Intake } from "./intake.ts";
import type { Ending, Journal } from "./journal.ts";
import { Presence } from "./presence.ts";
import { Room } from "./room.ts";
import { Sampler } from "./sampler.ts";
import { startingAt } from "./since.ts";
import type { Membership, Session } from "./session.ts";
import { Stats } from "./stats.ts";

/** Where a session begins in a room. `after` goes before `last`; with neither it begins now. */
export interface Start {
  after?: Cursor | undefined;
  last?: number | undefined;
  /** At most so many publications a second. */
  max?: number | undefined;
  /** Whether it is told who is there, and who comes and goes. */
  presence?: boolean | undefined;
  /** By room: what was published before, in ms since 1970, is not shown, whatever the cursor. */
  since?: ReadonlyMap<string, number>;
}

/** What a session that joined is told first. */
export interface Joined {
  room: string;
  /** The position of the room as it was joined: what has a greater one happened later. */
  at: string;
  /** Whether `after` was given, and everything since is about to follow. */
  resumed: boolean;
  /** How many publications are about to follow. */
  replay: number;
  gap?: Gap | undefined;
  /** Who is there, as JSON fields, where it asked for it; streams are told by a message. */
  presence?: string | undefined;
}

export interface HubOptions {
  log: Log;
  rules: Rules;
  bounds: SocketBounds;
  journal: Journal;
  /** Heartbeat interval in ms. */
  heartbeat: number;
  /** How many rooms one session may be in. */
  roomsPerSession: number;
  /** What the tails here may take together, where the log holds nothing in memory itself. */
  memory?: Memory | undefined;
}

/** How often rooms in which nothing happens are looked at for what is too old, in ms. */
const TRIM_MS = 5000;

export class Hub {
  readonly log: Log;
  readonly bounds: SocketBounds;
  readonly journal: Journal;
  rules: Rules;
  roomsPerSession: number;
  readonly sessions = new Map<string, Session>();
  /** How many sessions there are from an address, where they are counted. */
  readonly networks = new Map<string, number>();
  readonly rooms = new Map<string, Room>();
  readonly fanOut: FanOut;
  readonly heartbeat: Heartbeat;
  readonly stats = new Stats();
  readonly #catchUp: CatchUp = new CatchUp(this);
  readonly #sampler = new Sampler();
  readonly memory: Memory | undefined;
  readonly #following: Following = new Following(this, this.#catchUp);
  readonly intake: Intake;
  readonly presence: Presence;
  readonly #housekeeping: Timer;

  constructor(options: HubOptions) {
    this.log = options.log;
    this.rules = options.rules;
    this.bounds = options.bounds;
    this.journal = options.journal;
    this.roomsPerSession = options.roomsPerSession;
    this.fanOut = new FanOut(this.log, this.sessions, options.bounds, this.stats, this.journal);
    this.memory = options.memory;
    this.intake = new Intake(this.log, this.fanOut, this.stats);
    this.presence = new Presence(this);
    this.log.onRenew = (before) => this.#following.renew(before);
    this.heartbeat = new Heartbeat(this.sessions, options.heartbeat);
    this.#housekeeping = setInterval(() => this.#trim(), TRIM_MS);
    this.#housekeeping.unref();
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
  publish(draft: Draft, traceparent?: string): Publication | Promise<Publication> {
    return this.intake.publish(draft, traceparent);
  }

  /**
   * Other rules from now on, for rooms that somebody is in too. Nobody leaves, and what the new rules would keep
   * for longer than the old ones did is not there.
   */
  replaceRules(rules: Rules): void {
    const now = Date.now();
    this.rules = rules;
    for (const room of this.rooms.values()) room.follow(rules.of(room.name), now);
    this.log.replaceBounds((name) => this.ruleOf(name).bounds);
    this.presence.followRules();
  }

  /** Adds a session. It is in no room yet. */
  add(session: Session): void {
    this.sessions.set(session.id, session);
    this.#count(session, 1);
    this.stats.begun(session.transport);
    this.heartbeat.start(session);
    this.journal.began?.(session);
  }

  /** Forgets a session whose connection is gone. The second time there is nothing to forget. */
  remove(session: Session, ending: Ending): void {
    if (session.ended) return;
    session.ended = true;
    for (const membership of session.memberships.values()) this.#leave(membership);
    if (session.lagging) this.stats.lagging--;
    session.lagging = false;
    if (!this.sessions.delete(session.id)) return;
    this.#count(session, -1);
    this.stats.ended(session.transport, ending.reason);
    this.journal.ended(session, ending);
  }

  /**
   * Puts a session into rooms. `onJoined` is called for each before anything of it follows.
   * @throws ThumpError `already-joined` or `limit`
   */
  join(
    session: Session,
    names: string[],
    start: Start,
    onJoined: (joined: Joined) => void,
  ): void | Promise<void> {
    for (const name of names) {
      if (session.memberships.has(name))
        throw new ThumpError("already-joined", `This session is in "${name}" already.`);
    }
    if (session.memberships.size + names.length > this.roomsPerSession) {
      throw new ThumpError("limit", `A session may be in ${this.roomsPerSession} rooms. Leave one first.`);
    }
    const memberships = names.map((name) => this.#enter(session, name, start));
    const waits = [
      ...memberships.flatMap(({ room }) => room.starting ?? []),
      this.log.reach?.(start.after) ?? [],
    ].flat();
    const run = () => this.#begin(session, memberships, start, onJoined);
    if (waits.length === 0) return run();
    return Promise.all(waits)
      .then(run)
      .catch((error: unknown) => this.#undo(session, names, error));
  }

  /** All of its rooms are followed: reads what a session is to have first, then it is in. */
  #begin(
    session: Session,
    memberships: Membership[],
    start: Start,
    onJoined: (joined: Joined) => void,
  ): void | Promise<void> {
    const { epoch } = this.log;
    // What comes while a log reads may be in no slice: it follows, and the reply must not claim it.
    const { at } = this;
    // Read first, for all rooms; positions are set in one go, in one turn.
    const slices = memberships.map(({ room }) => this.#startSlice(room.name, start));
    const begin = (read: Slice[]) => {
      if (session.ended) return;
      if (epoch !== this.log.epoch) throw unavailable("What was kept has just been lost.");
      session.behind ??= new Set();
      memberships.forEach((membership, i) => {
        // It may have left while it waited.
        if (session.memberships.get(membership.room.name) !== membership) return;
        onJoined(this.#place(membership, start, read[i] as Slice, at));
        // Only after the reply: it begins with what is new right away.
        if (membership.max) this.#sampler.add(membership);
      });
      this.fanOut.listeners.level(session);
      this.#catchUp.resume(session);
    };
    if (slices.every((slice) => !(slice instanceof Promise))) begin(slices as Slice[]);
    else {
      const names = memberships.map(({ room }) => room.name);
      return Promise.all(slices)
        .then(begin)
        .catch((error: unknown) => this.#undo(session, names, error));
    }
  }

  /** The log could not be read: the session is as it was before. */
  #undo(session: Session, names: string[], error: unknown): never {
    for (const name of names) if (session.memberships.has(name)) this.leave(session, name);
    throw error;
  }

  /** Takes a session out of a room. @throws ThumpError `not-joined` */
  leave(session: Session, name: string): void {
    const membership = session.memberships.get(name);
    if (!membership) throw new ThumpError("not-joined", `This session is not in "${name}".`);
    this.#leave(membership);
    session.memberships.delete(name);
  }

  /** A session's connection can take more: goes on with its catch-up. */
  drained(session: Session): void {
    if (session.behind) this.#catchUp.resume(session);
    else if (session.uninformed) this.fanOut.listeners.level(session);
  }

  /** A room's publications after a position: from its tail where that reaches back far enough, else from the log. */
  read(name: string, after: number, limit: number): Slice | Promise<Slice> {
    const tail = this.rooms.get(name)?.tail;
    if (tail) {
      tail.trim(Date.now());
      if (after >= tail.floor) return tail.read(after, limit);
    }
    const slice = this.log.read(name, after, limit);
    // Who comes next finds it here.
    if (slice instanceof Promise)
      void slice.then(
        (read) => this.#following.extend(name, read),
        () => {},
      );
    return slice;
  }

  /** The log has let go of a room's publications up to a seq: what is kept here of them must go too. */
  release(name: string, upTo: number): void {
    this.rooms.get(name)?.tail.releaseUpTo(upTo);
  }

  /** Forgets what is kept of a room. */
  forget(name: string): void | Promise<void> {
    this.rooms.get(name)?.forget();
    return this.log.forget(name);
  }

  /** Ends a session that cannot go on because of a fault of ours. */
  fail(session: Session, error: unknown): void {
    if (error instanceof ThumpError && error.code === "unavailable")
      return session.end(CLOSE.unavailable, "unavailable");
    this.journal.fault("a session was ended by a fault", error);
    session.end(CLOSE.internal, "internal error");
  }

  /** Stops timers. Sessions are the drain's business. */
  stop(): void {
    this.heartbeat.stop();
    clearInterval(this.#housekeeping);
    this.presence.stop();
    for (const session of this.sessions.values()) this.remove(session, { reason: "stopped" });
  }

  #enter(session: Session, name: string, { max, presence }: Start): Membership {
    let room = this.rooms.get(name);
    if (!room) {
      const entered = new Room(name, this.rules.of(name), this.memory);
      room = entered;
      this.rooms.set(name, room);
      const starting = this.log.follow(
        name,
        (publication) => {
          this.intake.deliver(entered, publication);
          this.#following.relieve();
        },
        (after) => this.#following.start(entered, after),
      );
      const opening = this.presence.open(room);
      if (starting)
        room.starting = Promise.all([starting, opening]).then(() => void (entered.starting = undefined));
      else this.#following.start(entered, this.log.last);
    }
    const membership: Membership = { session, room, position: 0, live: false, liveSince: 0, max };
    if (presence) membership.presence = "uninformed";
    room.members.add(membership);
    session.memberships.set(name, membership);
    return membership;
  }

  #startSlice(name: string, { after, last, since }: Start): Slice | Promise<Slice> {
    const now = this.position;
    if (after) {
      const slice = this.read(name, this.isForeign(after) ? 0 : after.seq, Number.MAX_SAFE_INTEGER);
      const bound = (read: Slice) => startingAt(read, since?.get(name));
      return slice instanceof Promise ? slice.then(bound) : bound(slice);
    }
    if (last) return this.log.newest(name, last);
    return { from: now, upTo: now, publications: [] };
  }

  /** A cursor of another life of the log, or from a future that this one has not had: it covers nothing. */
  isForeign({ epoch, seq }: Cursor): boolean {
    return epoch !== this.log.epoch || seq > this.position;
  }

  #place(membership: Membership, { after }: Start, slice: Slice, at: string): Joined {
    const { room, session } = membership;
    const gap = after && (this.isForeign(after) || slice.from > after.seq);
    const first =
      room.rule.lag === "latest" ? newestOfEach(slice, slice.from, room.newest, session.id) : slice;
    membership.position = slice.from;
    if (membership.max) {
      room.newest ??= slice.publications.at(-1);
    } else {
      if (first.publications.length > 0) membership.fetched = first;
      session.behind?.add(membership);
    }
    if (gap) this.stats.gaps++;
    this.presence.enter(membership);
    return {
      room: room.name,
      at,
      resumed: after !== undefined && !gap,
      replay: first.publications.length,
      gap: gap
        ? {
            room: room.name,
            after: formatCursor(after.epoch, after.seq),
            at: formatCursor(this.log.epoch, slice.from),
          }
        : undefined,
      presence: this.fanOut.listeners.begin(membership),
    };
  }

  #leave(membership: Membership): void {
    const { room, session } = membership;
    if (membership.live) this.fanOut.detach(membership);
    if (membership.max) this.#sampler.remove(membership);
    session.behind?.delete(membership);
    if (membership.presence) this.fanOut.listeners.end(membership);
    this.presence.leave(membership);
    room.members.delete(membership);
    if (room.members.size > 0) return;
    this.rooms.delete(room.name);
    room.tail.forget();
    this.log.unfollow(room.name);
  }

  #count({ network }: Session, change: 1 | -1): void {
    if (network === undefined) return;
    const count = (this.networks.get(network) ?? 0) + change;
    if (count > 0) this.networks.set(network, count);
    else this.networks.delete(network);
  }

  /** What a quiet room keeps grows old too. */
  #trim(): void {
    const now = Date.now();
    for (const { tail } of this.rooms.values()) tail.trim(now);
  }
}
