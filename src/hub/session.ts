// A session: one connected client on any transport, as the hub sees it.
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
  /** While it is not live: the seq up to which it has everything. */
  position: number;
  /** In the live fan-out; else it is caught up from the tail, or sampled. */
  live: boolean;
  /** What its room's `delivered` was when it became live. */
  liveSince: number;
  /** At most so many publications a second, the newest ones: it is sampled and never live. */
  readonly max?: number | undefined;
  /**
   * Whether it listens to the room's presence: `live` once it knows who is there and hears all news, `uninformed`
   * before and while it is behind.
   */
  presence?: "live" | "uninformed" | undefined;
  /** While it takes part in a merge: no publication that is still to be sent has a smaller seq. Else 0. */
  next: number;
  /** Where `next` was found: a tail, and an index in it that is tried first. */
  nextHistory?: RoomHistory | undefined;
  nextIndex?: number;
  /** Publications up to this seq are a replay, which its joining asked for. */
  replayTo?: number;
  /** A part of what was read from a log elsewhere and not sent yet; it may be dropped at any time, and is read again. */
  fetched?: Slice | undefined;
  fetching?: boolean;
}

/** Who a session is. */
export interface Identity {
  readonly user?: string | undefined;
  /** What its token says about the user, for others to see. */
  readonly info?: unknown;
  /** Names the token that it came with. */
  readonly token?: string | undefined;
  /** Names the same token by what it is, whatever it calls itself. */
  readonly hash?: string | undefined;
  /** When that token was issued, in ms since 1970. */
  readonly issued?: number | undefined;
  /** When its right to be here ends, in ms since 1970. */
  readonly deadline?: number | undefined;
}

/** How a session fell behind. */
export interface LagStats {
  times: number;
  /** The last time, in ms since 1970. */
  at: number;
  /** What waited for it in this process then, in bytes; undefined for a stream, whose connection was full. */
  waiting: number | undefined;
}

/** Of a session that showed nothing. */
const ANONYMOUS_IDENTITY: Identity = {};

export abstract class Session {
  readonly id = crypto.getRandomValues(new Uint8Array(12)).toBase64({ alphabet: "base64url" });
  readonly since = now();
  readonly memberships = new Map<string, Membership>();
  /** The memberships that are behind the live fan-out: the session is lagging, or replaying. */
  catchingUp: Set<Membership> | undefined;
  /** Where the merge of these stands; absent if it has to start afresh from their positions. */
  merge: Merge<Membership> | undefined;
  /** Its catch-up, as work of the governor; absent as long as it needed none. */
  catchUpWork: Work | undefined;
  /** Runs while the session's replay waits for its rate of `reads`. */
  paceTimer: Timer | undefined;
  /** The memberships that are to be told who is there, when the connection can take it. */
  uninformed: Set<Membership> | undefined;
  /** When it is next asked for a sign of life, by `performance.now()`. */
  nextHeartbeat = 0;
  ended = false;
  /** It was detached, and has not caught up yet. */
  lagging = false;
  /** Absent as long as it never fell behind. */
  lagStats: LagStats | undefined;
  /** What its address counts as; absent where it is not counted. */
  addressKey: string | undefined;
  /** Publications sent to it, but for those that its live memberships have had since they became live. */
  sent = 0;
  /** Frames that came from it. */
  received = 0;

  constructor(
    readonly transport: string,
    readonly format: Format,
    public identity: Identity = ANONYMOUS_IDENTITY,
  ) {}

  /** Whether it makes its user present in its rooms. */
  get countsAsPresent(): boolean {
    return true;
  }
  /** Where it connected from, when known. */
  abstract get address(): string | undefined;
  /** Whether its connection holds more than it should: nothing is sent until it has drained. */
  abstract backedUp(): boolean;
  /** Bytes that wait in this process for the client to read, where that can be known. */
  unreadBytes(): number | undefined {
    return undefined;
  }
  /** Whether anything that was sent has not left this process yet. */
  abstract hasUnsent(): boolean;
  /** Put rooms into the live fan-out, or take them out. */
  abstract attach(rooms: Room[]): void;
  abstract detach(rooms: Room[]): void;
  /** Sends publications now, in order. False when the connection is backed up afterwards. */
  abstract send(publications: Publication[]): boolean;
  abstract gap(gap: Gap): void;
  /** Sends a presence message, given as JSON, to this one alone. */
  abstract sendPresence(text: string): void;
  /** Closes the connection, with a close code and a reason where the transport has them. */
  abstract end(code: number, reason: string): void;
  /**
   * Charges a replay of stored publications, in bytes as tails count them. Returns for how many ms the next part of it
   * must wait.
   */
  charge(_bytes: number): number {
    return 0;
  }
  /** What it waited for is decided: it goes on. */
  onDecided(): void {}
  /** A heartbeat. False when there was no sign of life since the last one. */
  abstract heartbeat(): boolean;
}

/** Sessions on sockets can be sent to by Bun's own topics. */
export abstract class TopicSession extends Session {
  /** Begins, or ends, to hear a topic of Bun's. */
  abstract subscribe(topic: string): void;
  abstract unsubscribe(topic: string): void;
  /** Publishes to all others on a topic, by Bun. Returns what Bun returns. */
  abstract publish(topic: string, wire: string | Uint8Array, compress: boolean): number;
}

/** A session on an HTTP stream, which is written to in chunks that many streams share. */
export interface StreamSink extends Session {
  readonly format: StreamFormat;
  readonly coding: ContentCoding;
  /** Writes a chunk that has the stream's content coding. Always takes it; false if the connection is now backed up. */
  write(chunk: Uint8Array): boolean;
}
