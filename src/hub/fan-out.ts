// The live fan-out: sends each publication to all live subscribers of its room. Detaches slow clients, and attaches
// them again once they have caught up.
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

/** A publication encoded in one wire format. */
interface Wire {
  format: Format;
  wire: string | Uint8Array;
  size: number;
}

export class FanOut {
  readonly flow: FlowBudget;
  readonly batchers: StreamBatchers;
  readonly presence: PresenceFanOut = new PresenceFanOut(this);
  /** Bun's `server.publish`. Set when the app starts listening. Before then, there are no sockets. */
  publishToTopic: PublishToTopic = () => 0;
  /** The seq of the publication that is being sent to sockets. */
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

  /** The seq up to which all live sessions have received everything. */
  get position(): number {
    return this.#delivering === undefined ? this.log.last : this.#delivering - 1;
  }

  /**
   * Sends a publication to all live subscribers of its room: to sockets through one topic per format, to streams through
   * their batchers.
   * @param receivedAt when the server received the publication (`performance.now()`)
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

  /** Returns false if a socket is backed up. */
  #deliverToTopics(room: Room, publication: Publication, receivedAt: number): boolean {
    const { stats } = this;
    const sender = publication.except === undefined ? undefined : this.sessions.get(publication.except);
    const wires: Wire[] = [];
    let bytes = 0;
    for (const format of room.formats.keys()) {
      // Here a publication is encoded, once per format for all sockets.
      const wire = format.message(publication, this.log.epoch);
      const size = Buffer.byteLength(wire);
      bytes += size;
      wires.push({ format, wire, size });
    }
    // Sockets that cannot take this message are detached before it is sent.
    this.flow.reserve(bytes);
    const skipSender = sender instanceof TopicSession && sender.memberships.get(room.name)?.live;
    if (skipSender) sender.sent--;
    let sent = 1;
    for (const { format, wire, size } of wires) {
      const topic = room.topic(format);
      // Here a publication leaves for all sockets at once. Publishing through the sender's own socket excludes the
      // sender.
      const compress = size > room.rule.compressOver;
      const result = skipSender
        ? sender.publish(topic, wire, compress)
        : this.publishToTopic(topic, wire, compress);
      const receivers = (room.formats.get(format) ?? 0) - (skipSender && sender.format === format ? 1 : 0);
      stats.delivered(receivers, receivers * size);
      // An empty frame has no bytes, so 0 does not mean that it was dropped.
      if (result === 0 && receivers > 0 && size > 0) stats.lost++;
      sent = Math.min(sent, result);
    }
    stats.toSockets.observe(performance.now() - receivedAt);
    return sent > 0;
  }

  /** Moves a session that has caught up in all of its rooms back to the live fan-out. */
  resumeLive(session: Session): void {
    const { catchingUp } = session;
    session.catchingUp = undefined;
    session.merge = undefined;
    if (session.lagging) {
      this.stats.caughtUp++;
      this.stats.lagging--;
    }
    session.lagging = false;
    if (catchingUp && catchingUp.size > 0) this.#attach(session, catchingUp);
    if (session.uninformed) this.presence.onCaughtUp(session);
  }

  #attach(session: Session, memberships: Set<Membership>): void {
    const rooms: Room[] = [];
    for (const membership of memberships) {
      membership.next = 0;
      membership.live = true;
      membership.liveSince = membership.room.delivered;
      rooms.push(membership.room);
      if (session instanceof TopicSession) membership.room.count(session.format, 1);
    }
    session.attach(rooms);
  }

  /** Writes all publications that are pending for streams. Call this before writing to streams directly. */
  flushStreams(): void {
    this.batchers.flushAll();
  }

  /** Removes one membership from the live fan-out. */
  detach(membership: Membership): void {
    const { room, session } = membership;
    membership.live = false;
    session.sent += room.delivered - membership.liveSince;
    if (session instanceof TopicSession) room.count(session.format, -1);
    session.detach([room]);
  }

  /** The sweep: detaches every socket whose buffer exceeds the high watermark. */
  #detachAllSlow(): void {
    const { position } = this;
    for (const session of this.sessions.values()) {
      if (session instanceof TopicSession && !session.ended && session.backedUp())
        this.detachSlow(session, position);
    }
  }

  /** Here a slow client is detached: its session leaves the live fan-out and keeps one position per room. */
  detachSlow(session: Session, position: number): void {
    this.presence.pause(session);
    const detached = this.pauseLive(session, position);
    if (detached.length === 0) return;
    this.#markLagging(session);
    if (detached.some(({ room }) => room.rule.lag === "disconnect"))
      session.end(CLOSE.slow, "too slow for this room");
  }

  /**
   * Removes a session from the live fan-out so that it catches up from a position. Returns the memberships that were
   * live.
   */
  pauseLive(session: Session, position: number): Membership[] {
    const live = [...session.memberships.values()].filter((membership) => membership.live);
    for (const membership of live) {
      // Detaching a stream writes to it, which may also detach it from its other rooms.
      if (!membership.live) continue;
      this.detach(membership);
      membership.position = position;
      // The next merge includes this room.
      endMerge(session);
      session.catchingUp ??= new Set();
      session.catchingUp.add(membership);
    }
    return live;
  }

  /** Stops counting an ended session as lagging. */
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
