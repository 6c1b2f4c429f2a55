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
  /** While it is not live: the seq up to which the session has received everything. */
  position: number;
  /** Whether it is in the live fan-out. Otherwise it is catching up, or sampled. */
  live: boolean;
  /** The value of `room.delivered` when it became live. */
  liveSince: number;
  /** The most publications per second. If set, the membership is sampled and never live. */
  readonly max?: number | undefined;
  /**
   * Set if the session requested presence: `live` while it receives changes, `uninformed` while it still needs a
   * snapshot.
   */
  presence?: "live" | "uninformed" | undefined;
  /** During a merge: a lower bound for the seq of the next publication to send. Otherwise 0. */
  next: number;
  /** The history in which `next` was found, and the index in it where the next search begins. */
  nextHistory?: RoomHistory | undefined;
  nextIndex?: number;
  /** Publications up to this seq are the replay that the join requested. */
  replayTo?: number;
  /** Publications read from a log outside memory and not sent yet. They may be dropped at any time and are read again. */
  fetched?: Slice | undefined;
  /** Whether a read for this membership is in progress. */
  fetching?: boolean;
}

/** The authenticated identity of a session. All fields are undefined for an anonymous one. */
export interface Identity {
  readonly user?: string | undefined;
  /** Details of the user from the token, shown to other users. */
  readonly info?: unknown;
  /** The id of the token: its `jti` claim, or its hash if it has none. */
  readonly token?: string | undefined;
  /** A hash of the token. */
  readonly hash?: string | undefined;
  /** When the token was issued, in ms since 1970. */
  readonly issued?: number | undefined;
  /** When the token expires, leeway included, in ms since 1970. The session ends then. */
  readonly deadline?: number | undefined;
}

/** The lag history of a session. */
export interface LagStats {
  /** The number of times it was detached. */
  times: number;
  /** When it last started to lag, in ms since 1970. */
  at: number;
  /** The bytes that were buffered for it then; undefined for a stream. */
  waiting: number | undefined;
}

const ANONYMOUS_IDENTITY: Identity = {};

export abstract class Session {
  readonly id = crypto.getRandomValues(new Uint8Array(12)).toBase64({ alphabet: "base64url" });
  readonly since = now();
  readonly memberships = new Map<string, Membership>();
  /** The memberships that receive stored publications before they become live: the session is lagging or replaying. */
  catchingUp: Set<Membership> | undefined;
  /** The merge of these memberships. If undefined, the next piece starts one from their positions. */
  merge: Merge<Membership> | undefined;
  /** The session's catch-up as work for the governor; undefined until first needed. */
  catchUpWork: Work | undefined;
  /** Runs while the session's replay waits for credit in its `reads` rate. */
  paceTimer: Timer | undefined;
  /** The memberships that need a presence snapshot, which is sent when the connection can take it. */
  uninformed: Set<Membership> | undefined;
  /** When the next heartbeat is due, by `performance.now()`. */
  nextHeartbeat = 0;
  ended = false;
  /** Whether it was detached as slow, and has not caught up yet. */
  lagging = false;
  /** Undefined if it never lagged. */
  lagStats: LagStats | undefined;
  /** The key under which its client address counts for limits; undefined if it does not count. */
  addressKey: string | undefined;
  /** Publications sent to it, except those that its live memberships received since they became live. */
  sent = 0;
  /** Frames received from it. */
  received = 0;

  constructor(
    readonly transport: string,
    readonly format: Format,
    public identity: Identity = ANONYMOUS_IDENTITY,
  ) {}

  /** Whether its user counts as present in its rooms. */
  get countsAsPresent(): boolean {
    return true;
  }
  /** The client address, if known. */
  abstract get address(): string | undefined;
  /** Whether its connection buffers too much. Nothing is sent until it has drained. */
  abstract backedUp(): boolean;
  /** The bytes buffered in this process until the client reads them; undefined if unknown. */
  unreadBytes(): number | undefined {
    return undefined;
  }
  /** Whether this process still buffers anything for the client. */
  abstract hasUnsent(): boolean;
  /** Adds rooms to the session's live fan-out. */
  abstract attach(rooms: Room[]): void;
  /** Removes rooms from the session's live fan-out. */
  abstract detach(rooms: Room[]): void;
  /** Sends publications now, in order. False if the connection is backed up afterwards. */
  abstract send(publications: Publication[]): boolean;
  /** Sends a gap notice. */
  abstract gap(gap: Gap): void;
  /** Sends a presence message, given as JSON, to this session only. */
  abstract sendPresence(text: string): void;
  /** Closes the connection, with a close code and a reason if the transport has them. */
  abstract end(code: number, reason: string): void;
  /**
   * Charges stored publications to the client's `reads` rate, in bytes as `RoomHistory` counts them. Returns how long
   * the next part of the replay must wait, in ms.
   */
  charge(_bytes: number): number {
    return 0;
  }
  /** Called when an authorization that the session waits for is decided. */
  onDecided(): void {}
  /** Called once when the hub has removed the session. */
  onRemoved(): void {}
  /** Sends a heartbeat. False if nothing has arrived from the client since the last one. */
  abstract heartbeat(): boolean;
}

/** A session on a WebSocket, which Bun's native topics reach. */
export abstract class TopicSession extends Session {
  /** Subscribes the socket to a Bun topic. */
  abstract subscribe(topic: string): void;
  abstract unsubscribe(topic: string): void;
  /** Publishes to all other sockets on a topic. Returns what Bun's `publish` returns. */
  abstract publish(topic: string, wire: string | Uint8Array, compress: boolean): number;
}

/** A session on an HTTP stream, which is written to in chunks that many streams share. */
export interface StreamSink extends Session {
  readonly format: StreamFormat;
  readonly coding: ContentCoding;
  /** Writes a chunk that has the stream's content coding. Always takes it; false if the connection is now backed up. */
  write(chunk: Uint8Array): boolean;
}
