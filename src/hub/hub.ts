// The hub: who is here, and how a publication gets from the log to all of them.
import { CLOSE, ThumpError } from "../protocol/codes.ts";
import { type Cursor, formatCursor } from "../protocol/cursor.ts";
import type { Gap } from "../protocol/envelope.ts";
import type { Draft, Publication, Slice } from "../protocol/publication.ts";
import type { Log } from "../log/log.ts";
import type { Rules } from "../rooms/rules.ts";
import { Flow, type SocketBounds } from "./bounds.ts";
import { CatchUp, newestOfEach } from "./catch-up.ts";
import { Channels } from "./channel.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Room } from "./room.ts";
import { Sampler } from "./sampler.ts";
import { type Membership, type Session, TopicSession } from "./session.ts";

/** The engine's publish: Bun's `server.publish`. Returns the bytes sent, -1 or 0 when a socket is backed up. */
export type PublishToTopic = (topic: string, wire: string | Uint8Array) => number;

/** Where a session begins in a room. `after` goes before `last`; with neither it begins now. */
export interface Start {
  after?: Cursor | undefined;
  last?: number | undefined;
  /** At most so many publications a second. */
  max?: number | undefined;
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
}

export interface HubOptions {
  log: Log;
  rules: Rules;
  bounds: SocketBounds;
  /** Heartbeat interval in ms. */
  heartbeat: number;
  /** How many rooms one session may be in. */
  roomsPerSession: number;
}

/** How often rooms in which nothing happens are looked at for what is too old, in ms. */
const TRIM_MS = 5000;

export class Hub {
  readonly log: Log;
  readonly rules: Rules;
  readonly bounds: SocketBounds;
  readonly roomsPerSession: number;
  readonly sessions = new Map<string, Session>();
  readonly rooms = new Map<string, Room>();
  readonly channels: Channels;
  readonly heartbeat: Heartbeat;
  readonly flow: Flow;
  /** Counted since the start. */
  readonly stats = { publications: 0, lagged: 0, gaps: 0 };
  /** The engine's publish, once there is a server. Before that nobody can be listening. */
  publishToTopic: PublishToTopic = () => 0;
  readonly #catchUp: CatchUp = new CatchUp(this);
  readonly #sampler = new Sampler();
  readonly #housekeeping: Timer;
  #delivering: number | undefined;

  constructor(options: HubOptions) {
    this.log = options.log;
    this.rules = options.rules;
    this.bounds = options.bounds;
    this.roomsPerSession = options.roomsPerSession;
    this.channels = new Channels(this.log.epoch, (stream, position) => this.#letGo(stream, position));
    this.heartbeat = new Heartbeat(this.sessions, options.heartbeat);
    this.flow = new Flow(options.bounds, () => this.#sweep());
    this.#housekeeping = setInterval(() => this.#trim(), TRIM_MS);
    this.#housekeeping.unref();
  }

  /** Everything up to this seq has left for everybody who is live. */
  get position(): number {
    return this.#delivering === undefined ? this.log.last : this.#delivering - 1;
  }

  /** The same as a cursor. */
  get at(): string {
    return formatCursor(this.log.epoch, this.position);
  }

  /** Publishes: the log numbers and keeps it, and gives it to `#deliver` if anybody here is in the room. */
  publish(draft: Draft): Publication | Promise<Publication> {
    this.stats.publications++;
    return this.log.append(draft);
  }

  /** A publication leaves for everybody in its room: encoded once a format, sent once a topic and channel. */
  #deliver(room: Room, publication: Publication): void {
    this.#delivering = publication.seq;
    room.push(publication);
    if (room.formats.size > 0) this.#deliverToTopics(room, publication);
    this.#delivering = undefined;
    for (const channel of room.channels) channel.push(publication);
  }

  #deliverToTopics(room: Room, publication: Publication): void {
    const sender = publication.except === undefined ? undefined : this.sessions.get(publication.except);
    const wires: [topic: string, wire: string | Uint8Array][] = [];
    let bytes = 0;
    for (const format of room.formats.keys()) {
      const wire = format.message(publication, this.log.epoch);
      bytes += Buffer.byteLength(wire);
      wires.push([room.topic(format), wire]);
    }
    // Those who are too far behind to take it are let go here, before it leaves.
    this.flow.reserve(bytes);
    let sent = 1;
    for (const [topic, wire] of wires) {
      // Here it leaves for all sockets at once. The sender's own publish skips itself.
      const result =
        sender instanceof TopicSession && sender.memberships.get(room.name)?.live
          ? sender.publish(topic, wire)
          : this.publishToTopic(topic, wire);
      sent = Math.min(sent, result);
    }
    if (sent <= 0) {
      this.#delivering = undefined;
      this.flow.backedUp();
    }
  }

  /** Adds a session. It is in no room yet. */
  add(session: Session): void {
    this.sessions.set(session.id, session);
    this.heartbeat.start(session);
  }

  /** Forgets a session whose connection is gone. */
  remove(session: Session): void {
    session.ended = true;
    for (const membership of session.memberships.values()) this.#leave(membership);
    this.sessions.delete(session.id);
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
    const memberships = names.map((name) => this.#enter(session, name, start.max));
    // Read first, for all rooms; positions are set in one go, in one turn.
    const slices = memberships.map(({ room }) => this.#startSlice(room.name, start));
    const begin = (read: Slice[]) => {
      if (session.ended) return;
      session.behind ??= new Set();
      memberships.forEach((membership, i) => {
        onJoined(this.#begin(membership, start, read[i] as Slice));
        // Only after the reply: it begins with what is new right away.
        if (membership.max) this.#sampler.add(membership);
      });
      this.#catchUp.resume(session);
    };
    if (slices.every((slice) => !(slice instanceof Promise))) begin(slices as Slice[]);
    else return Promise.all(slices).then(begin);
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
  }

  /** A room's publications after a position: from its tail where that reaches back far enough, else from the log. */
  read(name: string, after: number, limit: number): Slice | Promise<Slice> {
    const tail = this.rooms.get(name)?.tail;
    if (tail) {
      tail.trim(Date.now());
      if (after >= tail.floor) return tail.read(after, limit);
    }
    return this.log.read(name, after, limit);
  }

  /** Forgets what is kept of a room. */
  forget(name: string): void | Promise<void> {
    this.rooms.get(name)?.forget();
    return this.log.forget(name);
  }

  /** Puts a session that is level with its rooms back into the live fan-out. */
  attach(session: Session): void {
    const { behind } = session;
    session.behind = undefined;
    if (!behind || behind.size === 0) return;
    const rooms: Room[] = [];
    for (const membership of behind) {
      membership.live = true;
      rooms.push(membership.room);
      if (session instanceof TopicSession) membership.room.count(session.format, 1);
    }
    session.attach(rooms);
  }

  /** Ends a session that cannot go on because of a fault of ours. */
  fail(session: Session, error: unknown): void {
    console.error("thump: a session was ended by a fault:", error);
    session.end(CLOSE.internal, "internal error");
  }

  /** Stops timers. Sessions are the drain's business. */
  stop(): void {
    this.heartbeat.stop();
    clearInterval(this.#housekeeping);
    for (const session of this.sessions.values()) this.remove(session);
  }

  #enter(session: Session, name: string, max: number | undefined): Membership {
    let room = this.rooms.get(name);
    if (!room) {
      const entered = new Room(name, this.rules.of(name), this.log.last);
      room = entered;
      this.rooms.set(name, room);
      this.log.follow(name, (publication) => this.#deliver(entered, publication));
    }
    const membership: Membership = { session, room, position: 0, live: false, max };
    room.members.add(membership);
    session.memberships.set(name, membership);
    return membership;
  }

  #startSlice(name: string, { after, last }: Start): Slice | Promise<Slice> {
    const now = this.position;
    if (after) return this.read(name, this.isForeign(after) ? 0 : after.seq, Number.MAX_SAFE_INTEGER);
    if (last) return this.log.newest(name, last);
    return { from: now, upTo: now, publications: [] };
  }

  /** A cursor of another life of the log, or from a future that this one has not had: it covers nothing. */
  isForeign({ epoch, seq }: Cursor): boolean {
    return epoch !== this.log.epoch || seq > this.position;
  }

  #begin(membership: Membership, { after }: Start, slice: Slice): Joined {
    const { room, session } = membership;
    const gap = after && (this.isForeign(after) || slice.from > after.seq);
    const first = room.rule.lag === "latest" ? newestOfEach(slice, slice.from, room.newest) : slice;
    membership.position = slice.from;
    if (membership.max) {
      room.newest ??= slice.publications.at(-1);
    } else {
      if (first.publications.length > 0) membership.fetched = first;
      session.behind?.add(membership);
    }
    if (gap) this.stats.gaps++;
    return {
      room: room.name,
      at: this.at,
      resumed: after !== undefined && !gap,
      replay: first.publications.length,
      gap: gap
        ? {
            room: room.name,
            after: formatCursor(after.epoch, after.seq),
            at: formatCursor(this.log.epoch, slice.from),
          }
        : undefined,
    };
  }

  #leave(membership: Membership): void {
    const { room, session } = membership;
    if (membership.live) this.#detach(membership);
    if (membership.max) this.#sampler.remove(membership);
    session.behind?.delete(membership);
    room.members.delete(membership);
    if (room.members.size > 0) return;
    this.rooms.delete(room.name);
    this.log.unfollow(room.name);
  }

  #detach(membership: Membership): void {
    const { room, session } = membership;
    membership.live = false;
    if (session instanceof TopicSession) room.count(session.format, -1);
    session.detach([room]);
  }

  /** What a quiet room keeps grows old too. */
  #trim(): void {
    const now = Date.now();
    for (const { tail } of this.rooms.values()) tail.trim(now);
  }

  /** Lets go of every socket that has more waiting than it should. */
  #sweep(): void {
    const { position } = this;
    for (const session of this.sessions.values()) {
      if (session instanceof TopicSession && !session.ended && session.backedUp())
        this.#letGo(session, position);
    }
  }

  /** Here a slow one is let go: out of the fan-out, remembered as one position. */
  #letGo(session: Session, position: number): void {
    let live = false;
    let disconnect = false;
    for (const membership of session.memberships.values()) {
      if (!membership.live) continue;
      live = true;
      this.#detach(membership);
      membership.position = position;
      session.behind ??= new Set();
      session.behind.add(membership);
      disconnect ||= membership.room.rule.lag === "disconnect";
    }
    if (live) this.stats.lagged++;
    if (disconnect) session.end(CLOSE.slow, "too slow for this room");
  }
}
