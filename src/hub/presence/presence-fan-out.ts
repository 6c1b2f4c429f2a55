// Who listens to the presence of rooms: how news of it leaves for all of them, and how each is told a snapshot first.
import type { ContentCoding } from "../content-coding.ts";
import { presenceMessage } from "../../protocol/presence-messages.ts";
import type { FlowBudget, PublishToTopic } from "../backpressure.ts";
import type { PresenceAudience, Room } from "../room.ts";
import { type Membership, type Session, type StreamSink, TopicSession } from "../session.ts";
import type { Stats } from "../stats.ts";
import type { StreamBatchers } from "../stream-batcher.ts";

const encoder = new TextEncoder();

/** What presence fan-out needs of the live fan-out. */
export interface PresenceFanOutHost {
  /** The seq up to which all live sessions have received everything. */
  readonly position: number;
  readonly flow: Pick<FlowBudget, "reserve" | "backedUp">;
  readonly batchers: Pick<StreamBatchers, "flushAll">;
  readonly stats: Pick<Stats, "lost">;
  readonly publishToTopic: PublishToTopic;
  detachSlow(session: Session, position: number): void;
}

function topicOf(room: Room): string {
  return `presence/${room.name}`;
}

export class PresenceFanOut {
  readonly #fanOut: PresenceFanOutHost;
  /** What all listeners of a room know, as JSON fields; nothing where its rule keeps no presence. */
  snapshotOf: (room: Room) => string | undefined = () => undefined;

  constructor(fanOut: PresenceFanOutHost) {
    this.#fanOut = fanOut;
  }

  /**
   * A session that asked for it begins to listen. Returned is the snapshot that goes with the reply; where there is
   * none, because it is a stream or has enough to read already, it comes as a message (`onCaughtUp`).
   */
  begin(membership: Membership): string | undefined {
    const { session, presence } = membership;
    if (!presence || session.ended) return undefined;
    markUninformed(membership);
    if (!(session instanceof TopicSession) || session.backedUp()) return undefined;
    return this.#inform(membership);
  }

  /** The connection of a session can take more: it is told what it does not know, and hears news from then on. */
  onCaughtUp(session: Session): void {
    for (const membership of session.uninformed ?? []) {
      // It will drain, and come here again.
      if (session.ended || session.backedUp()) return;
      const snapshot = this.#inform(membership);
      const { room } = membership;
      if (snapshot === undefined) continue;
      if (session instanceof TopicSession) session.sendPresence(presenceMessage(room.name, snapshot));
      else this.#open(room, session as StreamSink, snapshot);
    }
  }

  /** A session lags: it receives no presence changes, and a new snapshot when it has caught up. */
  pause(session: Session): void {
    for (const membership of session.memberships.values()) {
      if (membership.presence !== "live") continue;
      this.#unsubscribe(membership);
      markUninformed(membership);
    }
  }

  /** A session listens no more: it leaves the room, or may not know who is there. */
  end(membership: Membership): void {
    if (membership.presence === "live") this.#unsubscribe(membership);
    membership.presence = undefined;
    markInformed(membership);
  }

  /** A message leaves for all who listen in a room: encoded once a format. @param text JSON */
  send(room: Room, text: string): void {
    const { audience } = room;
    if (!audience) return;
    audience.opening = undefined;
    if (audience.sockets > 0) this.#sendToSockets(room, audience, text);
    if (audience.streams.size === 0) return;
    // What has gathered for streams comes first: a stream that is detached here has all of it.
    this.#fanOut.batchers.flushAll();
    for (const [format, streams] of audience.streams) {
      const chunk = encoder.encode(format.presence(text));
      const blocks = new Map<ContentCoding, Uint8Array>();
      for (const stream of streams) {
        const block = blocks.get(stream.coding) ?? stream.coding.block(chunk);
        blocks.set(stream.coding, block);
        if (!stream.write(block)) this.#fanOut.detachSlow(stream, this.#fanOut.position);
      }
    }
  }

  #sendToSockets(room: Room, audience: PresenceAudience, text: string): void {
    const { flow, publishToTopic, stats } = this.#fanOut;
    const size = Buffer.byteLength(text);
    flow.reserve(size);
    const sent = publishToTopic(topicOf(room), text, false);
    if (sent === 0 && audience.sockets > 0) stats.lost++;
    if (sent <= 0) flow.backedUp();
  }

  /** From here on it hears all news: they are about what this returns. */
  #inform(membership: Membership): string | undefined {
    const { room, session } = membership;
    // News that are due leave first. That may detach sessions, this one too.
    const snapshot = this.snapshotOf(room);
    if (session.ended) return undefined;
    markInformed(membership);
    membership.presence = "live";
    const audience = (room.audience ??= { sockets: 0, streams: new Map() });
    if (session instanceof TopicSession) {
      audience.sockets++;
      session.subscribe(topicOf(room));
    } else {
      const stream = session as StreamSink;
      const streams = audience.streams.get(stream.format) ?? new Set();
      audience.streams.set(stream.format, streams.add(stream));
    }
    return snapshot;
  }

  /** Tells a stream who is there: put together, and compressed, once for all who come until there is news. */
  #open(room: Room, stream: StreamSink, snapshot: string): void {
    const { audience } = room;
    if (!audience) return stream.sendPresence(presenceMessage(room.name, snapshot));
    if (audience.opening?.snapshot !== snapshot) audience.opening = { snapshot, blocks: new Map() };
    const { blocks } = audience.opening;
    const { format, coding } = stream;
    const key = `${format.name}/${coding.name}`;
    let block = blocks.get(key);
    if (!block) {
      block = coding.block(encoder.encode(format.presence(presenceMessage(room.name, snapshot))));
      blocks.set(key, block);
    }
    stream.write(block);
  }

  #unsubscribe({ room, session }: Membership): void {
    const { audience } = room;
    if (!audience) return;
    if (session instanceof TopicSession) {
      audience.sockets--;
      session.unsubscribe(topicOf(room));
    } else {
      const { format } = session as StreamSink;
      const streams = audience.streams.get(format);
      streams?.delete(session as StreamSink);
      if (streams?.size === 0) audience.streams.delete(format);
    }
    if (audience.sockets === 0 && audience.streams.size === 0) room.audience = undefined;
  }
}

function markUninformed(membership: Membership): void {
  membership.presence = "uninformed";
  (membership.session.uninformed ??= new Set()).add(membership);
}

function markInformed(membership: Membership): void {
  const { session } = membership;
  session.uninformed?.delete(membership);
  if (session.uninformed?.size === 0) session.uninformed = undefined;
}
