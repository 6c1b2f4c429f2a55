// The fan-out: sends each publication to all subscribers of its room, detaches slow clients and resumes them.
import { now } from "../log/clock.ts";
import { CLOSE } from "../protocol/codes.ts";
import type { Format } from "../protocol/formats.ts";
import type { Publication } from "../protocol/publication.ts";
import type { Log } from "../log/log.ts";
import { FlowBudget, type PublishToTopic, type SocketLimits } from "./backpressure.ts";
import { StreamBatchers } from "./stream-batcher.ts";
import { PresenceFanOut } from "./presence/presence-fan-out.ts";
import { endMerge } from "./merge.ts";
import type { Room } from "./room.ts";
import type { SessionEvents } from "./session-events.ts";
import { type Membership, type Session, TopicSession } from "./session.ts";
import type { Stats } from "./stats.ts";

/** A publication as one format puts it. */
interface Wire {
  format: Format;
  wire: string | Uint8Array;
  size: number;
}

export class FanOut {
  readonly flow: FlowBudget;
  readonly batchers: StreamBatchers;
  readonly presence: PresenceFanOut = new PresenceFanOut(this);
  /** Bun's publish, once there is a server. Before that nobody can be listening. */
  publishToTopic: PublishToTopic = () => 0;
  #delivering: number | undefined;

  constructor(
    readonly log: Log,
    readonly sessions: ReadonlyMap<string, Session>,
    socketLimits: SocketLimits,
    readonly stats: Stats,
    readonly events: SessionEvents,
  ) {
    this.flow = new FlowBudget(socketLimits, () => this.#detachAllSlow());
    this.batchers = new StreamBatchers(log, stats, (stream, position) => this.detachSlow(stream, position));
  }

  /** Everything up to this seq has left for everybody who is live. */
  get position(): number {
    return this.#delivering === undefined ? this.log.last : this.#delivering - 1;
  }

  /**
   * A publication leaves for everybody in its room: encoded once a format, sent once a topic and channel.
   * @param receivedAt when it came in, by `performance.now()`
   */
  deliver(room: Room, publication: Publication, receivedAt: number): void {
    this.#delivering = publication.seq;
    room.push(publication);
    const backedUp = room.formats.size > 0 && !this.#deliverToTopics(room, publication, receivedAt);
    this.#delivering = undefined;
    room.delivered++;
    if (backedUp) this.flow.backedUp();
    for (const batcher of room.batchers) batcher.push(publication, receivedAt);
  }

  /** False when some socket is backed up. */
  #deliverToTopics(room: Room, publication: Publication, receivedAt: number): boolean {
    const { stats } = this;
    const sender = publication.except === undefined ? undefined : this.sessions.get(publication.except);
    const wires: Wire[] = [];
    let bytes = 0;
    for (const format of room.formats.keys()) {
      const wire = format.message(publication, this.log.epoch);
      const size = Buffer.byteLength(wire);
      bytes += size;
      wires.push({ format, wire, size });
    }
    // Clients that lag too far to take it are detached here, before it leaves.
    this.flow.reserve(bytes);
    const skips = sender instanceof TopicSession && sender.memberships.get(room.name)?.live;
    if (skips) sender.sent--;
    let sent = 1;
    for (const { format, wire, size } of wires) {
      const topic = room.topic(format);
      // Here it leaves for all sockets at once. The sender's own publish skips itself.
      const compress = size > room.rule.compressOver;
      const result = skips
        ? sender.publish(topic, wire, compress)
        : this.publishToTopic(topic, wire, compress);
      const receivers = (room.formats.get(format) ?? 0) - (skips && sender.format === format ? 1 : 0);
      stats.delivered(receivers, receivers * size);
      // Of an empty frame no bytes are sent, to whomever.
      if (result === 0 && receivers > 0 && size > 0) stats.lost++;
      sent = Math.min(sent, result);
    }
    stats.toSockets.observe(performance.now() - receivedAt);
    return sent > 0;
  }

  /** Puts a session that has caught up with its rooms back into the live fan-out. */
  resumeLive(session: Session): void {
    const { catchingUp } = session;
    session.catchingUp = undefined;
    session.merge = undefined;
    if (session.lagging) {
      this.stats.caughtUp++;
      this.stats.lagging--;
    }
    session.lagging = false;
    if (catchingUp && catchingUp.size > 0) this.#resume(session, catchingUp);
    if (session.uninformed) this.presence.onCaughtUp(session);
  }

  #resume(session: Session, behind: Set<Membership>): void {
    const rooms: Room[] = [];
    for (const membership of behind) {
      membership.next = 0;
      membership.live = true;
      membership.liveSince = membership.room.delivered;
      rooms.push(membership.room);
      if (session instanceof TopicSession) membership.room.count(session.format, 1);
    }
    session.attach(rooms);
  }

  /** Sends the publications that streams have pending, before anything else is written to them. */
  flushStreams(): void {
    this.batchers.flushAll();
  }

  /** Takes one membership out of the live fan-out. */
  detach(membership: Membership): void {
    const { room, session } = membership;
    membership.live = false;
    session.sent += room.delivered - membership.liveSince;
    if (session instanceof TopicSession) room.count(session.format, -1);
    session.detach([room]);
  }

  /** Detaches every socket that has more waiting than it should. */
  #detachAllSlow(): void {
    const { position } = this;
    for (const session of this.sessions.values()) {
      if (session instanceof TopicSession && !session.ended && session.backedUp())
        this.detachSlow(session, position);
    }
  }

  /** Here a slow client is detached: it leaves the live fan-out and is remembered as one position. */
  detachSlow(session: Session, position: number): void {
    this.presence.pause(session);
    const gone = this.pauseLive(session, position);
    if (gone.length === 0) return;
    this.#markLagging(session);
    if (gone.some(({ room }) => room.rule.lag === "disconnect"))
      session.end(CLOSE.slow, "too slow for this room");
  }

  /** Takes a session out of the fan-out, to be caught up from a position on. Returns the rooms in which it was live. */
  pauseLive(session: Session, position: number): Membership[] {
    const live = [...session.memberships.values()].filter((membership) => membership.live);
    for (const membership of live) {
      // Taking a stream out writes to it, and may set it back itself.
      if (!membership.live) continue;
      this.detach(membership);
      membership.position = position;
      // It starts afresh, with this room.
      endMerge(session);
      session.catchingUp ??= new Set();
      session.catchingUp.add(membership);
    }
    return live;
  }

  /** A session has ended: it no longer counts as lagging. */
  remove(session: Session): void {
    if (session.lagging) this.stats.lagging--;
    session.lagging = false;
  }

  #markLagging(session: Session): void {
    if (!session.lagging) this.stats.lagging++;
    session.lagging = true;
    session.lagStats = {
      times: (session.lagStats?.times ?? 0) + 1,
      at: now(),
      waiting: session.unreadBytes(),
    };
    this.stats.lagged++;
    this.events.lagging(session);
  }
}
