// Session: one connected client, on any transport. Each transport implements it.
import { now } from "../log/clock.ts";
import type { Gap } from "../protocol/envelope.ts";
import type { Format, StreamFormat } from "../protocol/formats.ts";
import type { Publication, Slice } from "../protocol/publication.ts";
import type { Work } from "../scheduling/governor.ts";
import type { RoomHistory } from "../rooms/room-history.ts";
import type { ContentCoding } from "./content-coding.ts";
import type { Merge } from "./merge.ts";
import type { Room } from "./room.ts";

/** One session in one room. */
export interface Membership {
  readonly session: Session;
  readonly room: Room;
  /** The seq up to which the session has received everything. Valid while the membership is not live. */
  position: number;
  /** Whether the membership is in the live fan-out. Otherwise it is catching up or sampled. */
  live: boolean;
  /** The value of `room.delivered` when the membership became live. */
  liveSince: number;
  /** The maximum number of publications per second. If set, the membership is sampled and never live. */
  readonly max?: number | undefined;
  /**
   * Set if the session requested presence: `live` while it receives changes, `uninformed` while it still needs a
   * snapshot.
   */
  presence?: "live" | "uninformed" | undefined;
  /** During a merge: a lower bound for the seq of the next publication to send. Otherwise 0. */
  next: number;
  /** The history in which `next` was found, and the index at which the next search in this history begins. */
  nextHistory?: RoomHistory | undefined;
  nextIndex?: number;
  /** Publications up to this seq are the replay that the join requested. */
  replayTo?: number;
  /**
   * Publications that have been read from a file or remote log but not yet sent. They may be dropped at any time, and
   * are read again when needed.
   */
  fetched?: Slice | undefined;
  /** Whether a read for this membership is in progress. */
  fetching?: boolean;
}

/** The authenticated identity of a session. All fields are undefined for an anonymous session. */
export interface Identity {
  readonly user?: string | undefined;
  /** User details from the token, visible to other users. */
  readonly info?: unknown;
  /** The token's id: its `jti` claim, or a hash of the token if there is no such claim. */
  readonly token?: string | undefined;
  /** A hash of the token. */
  readonly hash?: string | undefined;
  /** When the token was issued, in ms since 1970. */
  readonly issued?: number | undefined;
  /** When the token expires, including leeway, in ms since 1970. The session ends at this time. */
  readonly deadline?: number | undefined;
}

/** The lag history of a session. */
export interface LagStats {
  /** The number of times the session was detached. */
  times: number;
  /** When the session last started to lag, in ms since 1970. */
  at: number;
  /** The number of bytes buffered for the session at that time; undefined for a stream. */
  waiting: number | undefined;
}

const ANONYMOUS_IDENTITY: Identity = {};

export abstract class Session {
  readonly id = crypto.getRandomValues(new Uint8Array(12)).toBase64({ alphabet: "base64url" });
  readonly since = now();
  readonly memberships = new Map<string, Membership>();
  /**
   * The memberships that receive stored publications before they become live. Set while the session is lagging or
   * replaying.
   */
  catchingUp: Set<Membership> | undefined;
  /** The merge of the `catchingUp` memberships. If undefined, the next piece starts a merge from their positions. */
  merge: Merge<Membership> | undefined;
  /** The session's catch-up as work for the governor. Created when first needed. */
  catchUpWork: Work | undefined;
  /** Set while the session's replay waits for the client's `reads` rate limit. */
  paceTimer: Timer | undefined;
  /**
   * The memberships that still need a presence snapshot. The snapshots are sent when the connection can accept more
   * data.
   */
  uninformed: Set<Membership> | undefined;
  /** When the next heartbeat is due (`performance.now()`). */
  nextHeartbeat = 0;
  ended = false;
  /** Whether the session was detached as slow and has not caught up yet. */
  lagging = false;
  /** Undefined if the session has never lagged. */
  lagStats: LagStats | undefined;
  /** The key that identifies the client address in address limits; undefined if the address is not limited. */
  addressKey: string | undefined;
  /** The number of publications sent, except those that live memberships have received since they became live. */
  sent = 0;
  /** The number of frames received. */
  received = 0;

  constructor(
    readonly transport: string,
    readonly format: Format,
    public identity: Identity = ANONYMOUS_IDENTITY,
  ) {}

  /** Whether the session's user counts as present in its rooms. */
  get countsAsPresent(): boolean {
    return true;
  }
  /** The client address, if known. */
  abstract get address(): string | undefined;
  /** Whether the connection's buffer is too full. Nothing is sent until the buffer has drained. */
  abstract backedUp(): boolean;
  /** The number of bytes buffered in this process that the client has not read yet; undefined if unknown. */
  unreadBytes(): number | undefined {
    return undefined;
  }
  /** Whether this process still buffers anything for the client. */
  abstract hasUnsent(): boolean;
  /** Adds rooms to the session's live fan-out. */
  abstract attach(rooms: Room[]): void;
  /** Removes rooms from the session's live fan-out. */
  abstract detach(rooms: Room[]): void;
  /** Sends publications immediately, in order. Returns false if the connection is backed up afterwards. */
  abstract send(publications: Publication[]): boolean;
  /** Sends a gap notice. */
  abstract gap(gap: Gap): void;
  /** Sends a presence message, given as JSON, to this session only. */
  abstract sendPresence(text: string): void;
  /** Closes the connection, with a close code and a reason if the transport supports them. */
  abstract end(code: number, reason: string): void;
  /**
   * Charges stored publications to the client's `reads` rate limit, in bytes as `RoomHistory` counts them. Returns the
   * time until the next part of the replay may be sent, in ms.
   */
  charge(_bytes: number): number {
    return 0;
  }
  /** Called when the authorization decision that the session was waiting for has been made. */
  onDecided(): void {}
  /** Called once, after the hub has removed the session. */
  onRemoved(): void {}
  /** Sends a heartbeat. Returns false if the client has not sent anything since the last heartbeat. */
  abstract heartbeat(): boolean;
}

/** A session on a WebSocket. Receives messages through Bun's native topics. */
export abstract class TopicSession extends Session {
  /** Subscribes the socket to a Bun topic. */
  abstract subscribe(topic: string): void;
  abstract unsubscribe(topic: string): void;
  /** Publishes to all other sockets on a topic. Returns what Bun's `publish` returns. */
  abstract publish(topic: string, wire: string | Uint8Array, compress: boolean): number;
}

/** A session on an HTTP stream. The same chunk can be written to many streams. */
export interface StreamSink extends Session {
  readonly format: StreamFormat;
  readonly coding: ContentCoding;
  /**
   * Writes a chunk that is encoded with the stream's content coding. Always accepts the chunk. Returns false if the
   * connection is now backed up.
   */
  write(chunk: Uint8Array): boolean;
}
