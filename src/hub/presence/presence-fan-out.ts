// Presence fan-out: sends a snapshot to each session that requested presence, then sends each change to all of these
// sessions at once.
import type { ContentCoding } from "../content-coding.ts";
import { presenceMessage } from "../../protocol/presence-messages.ts";
import type { FlowBudget, PublishToTopic } from "../backpressure.ts";
import type { PresenceAudience, Room } from "../room.ts";
import { type Membership, type Session, type StreamSink, TopicSession } from "../session.ts";
import type { Stats } from "../stats.ts";
import type { StreamBatchers } from "../stream-batcher.ts";

const encoder = new TextEncoder();

/** The part of the live fan-out that presence fan-out uses. */
export interface PresenceFanOutHost {
  /** The seq up to which all live sessions have received everything. */
  readonly position: number;
  readonly flow: Pick<FlowBudget, "reserve" | "backedUp">;
  readonly batchers: Pick<StreamBatchers, "flushAll">;
  readonly stats: Pick<Stats, "lost">;
  readonly publishToTopic: PublishToTopic;
  detachSlow(session: Session, position: number): void;
}

/** Returns the name of the Bun topic for a room's presence. */
function topicOf(room: Room): string {
  return `presence/${room.name}`;
}

export class PresenceFanOut {
  readonly #host: PresenceFanOutHost;
  /**
   * Returns the state that has been sent to all receivers in a room, as JSON fields; undefined if the room's rule has
   * no presence.
   */
  snapshotOf: (room: Room) => string | undefined = () => undefined;

  constructor(host: PresenceFanOutHost) {
    this.#host = host;
  }

  /**
   * Starts sending presence to a session that requested it. Returns the snapshot for the join reply. Streams and
   * backed-up sockets receive the snapshot later, as a message (`onCaughtUp`).
   */
  begin(membership: Membership): string | undefined {
    const { session, presence } = membership;
    if (!presence || session.ended) return undefined;
    markUninformed(membership);
    if (!(session instanceof TopicSession) || session.backedUp()) return undefined;
    return this.#goLive(membership);
  }

  /**
   * Sends the outstanding snapshots to a session whose connection can accept more data. From then on, the session
   * receives changes.
   */
  onCaughtUp(session: Session): void {
    for (const membership of session.uninformed ?? []) {
      // `onCaughtUp` is called again when the connection has drained.
      if (session.ended || session.backedUp()) return;
      const snapshot = this.#goLive(membership);
      const { room } = membership;
      if (snapshot === undefined) continue;
      if (session instanceof TopicSession) session.sendPresence(presenceMessage(room.name, snapshot));
      else this.#sendSnapshot(room, session as StreamSink, snapshot);
    }
  }

  /** Stops sending changes to a lagging session. The session receives a new snapshot when it has caught up. */
  pause(session: Session): void {
    for (const membership of session.memberships.values()) {
      if (membership.presence !== "live") continue;
      this.#unsubscribe(membership);
      markUninformed(membership);
    }
  }

  /** Ends presence for a membership, because the session leaves the room or may no longer see the room's members. */
  end(membership: Membership): void {
    if (membership.presence === "live") this.#unsubscribe(membership);
    membership.presence = undefined;
    markInformed(membership);
  }

  /** Sends a message to all receivers in a room. Encodes it once per format. @param text JSON */
  send(room: Room, text: string): void {
    const { audience } = room;
    if (!audience) return;
    audience.opening = undefined;
    if (audience.sockets > 0) this.#sendToSockets(room, audience, text);
    if (audience.streams.size === 0) return;
    // Write pending publications first, so that a stream that is detached here has received them.
    this.#host.batchers.flushAll();
    for (const [format, streams] of audience.streams) {
      const chunk = encoder.encode(format.presence(text));
      const blocks = new Map<ContentCoding, Uint8Array>();
      for (const stream of streams) {
        const block = blocks.get(stream.coding) ?? stream.coding.block(chunk);
        blocks.set(stream.coding, block);
        if (!stream.write(block)) this.#host.detachSlow(stream, this.#host.position);
      }
    }
  }

  #sendToSockets(room: Room, audience: PresenceAudience, text: string): void {
    const { flow, publishToTopic, stats } = this.#host;
    const size = Buffer.byteLength(text);
    flow.reserve(size);
    const sent = publishToTopic(topicOf(room), text, false);
    if (sent === 0 && audience.sockets > 0) stats.lost++;
    if (sent <= 0) flow.backedUp();
  }

  /** Makes a membership live, and returns a snapshot to which all later changes apply. */
  #goLive(membership: Membership): string | undefined {
    const { room, session } = membership;
    // `snapshotOf` first sends the changes that are due. Sending them may detach sessions, including this one.
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

  /** Sends a snapshot to a stream. Until the next change, all streams share the encoded and compressed snapshot. */
  #sendSnapshot(room: Room, stream: StreamSink, snapshot: string): void {
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
