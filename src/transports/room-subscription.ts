// RoomSubscription: a session that subscribes code in the same process to one room. The code reads from an async
// iterator.
import type { Hub } from "../hub/hub.ts";
import { type JoinResult, startAll } from "../hub/join.ts";
import { isCaughtUp, positionOf } from "../hub/merge.ts";
import type { PublicationSink, Room } from "../hub/room.ts";
import { endedByClient, endedByUs } from "../hub/session-events.ts";
import { Session } from "../hub/session.ts";
import { CLOSE, ThumpError } from "../protocol/codes.ts";
import type { Cursor } from "../protocol/cursor.ts";
import type { Data } from "../protocol/data.ts";
import type { Gap } from "../protocol/envelope.ts";
import { dataText } from "../protocol/event-stream.ts";
import { json } from "../protocol/formats.ts";
import { parseJson } from "../protocol/json.ts";
import type { Publication } from "../protocol/publication.ts";

/** A message from a room that code subscribes to. */
export interface RoomMessage<Content = unknown> {
  /** Always "message". */
  readonly type: "message";
  /** Cursor of the message. */
  readonly at: string;
  /** Name of the event; "message" if the publisher specified none. */
  readonly event: string;
  /** The data: a JSON value, a string, or a `Uint8Array`. JSON is parsed on first access. */
  readonly data: Content;
  /** The data as text, as sent in event streams. */
  readonly text: string;
  /** When the message was published, in ms since 1970. */
  readonly time: number;
  /** The user who published the message; undefined if the publisher has no user. */
  readonly from: string | undefined;
}

/** Notice that messages between two cursors are no longer stored. */
export interface RoomGap {
  /** Always "gap". */
  readonly type: "gap";
  /** The room. */
  readonly room: string;
  /** Cursor before the missing messages. */
  readonly after: string;
  /** Cursor of the newest missing message. */
  readonly at: string;
}

/** Notice that all messages up to a cursor have been received. */
export interface RoomPosition {
  /** Always "position". */
  readonly type: "position";
  /** The cursor. */
  readonly at: string;
}

export type RoomItem = RoomMessage | RoomGap | RoomPosition;

/** Start position of a subscription. */
export interface SubscriptionStart {
  after: Cursor | undefined;
  last: number | undefined;
}

/**
 * Number of waiting items or bytes at which the subscription is detached from the live fan-out until the items are
 * taken.
 */
const MAX_WAITING_ITEMS = 256;
const MAX_WAITING_BYTES = 1024 * 1024;

interface Waiting {
  resolve(result: IteratorResult<RoomItem, undefined>): void;
  reject(error: unknown): void;
}

export class RoomSubscription extends Session implements AsyncIterableIterator<RoomItem, undefined> {
  readonly address: undefined;
  #items: RoomItem[] = [];
  #bytes = 0;
  #waiting: Waiting[] = [];
  #error: ThumpError | undefined;
  #full = false;
  #signal: AbortSignal | undefined;
  readonly #leave = () => void this.return();
  /** Whether an item has been taken since the last heartbeat. */
  #active = true;
  readonly #sink: PublicationSink = {
    push: (publication) => {
      this.#receive(publication);
      if (this.#full) this.hub.detachSlow(this, publication.seq);
    },
  };

  constructor(
    readonly hub: Hub,
    readonly positions: boolean,
  ) {
    super("subscription", json);
  }

  /** Adds the session to the hub and joins the room. @throws ThumpError `busy` */
  start(room: string, { after, last }: SubscriptionStart, signal?: AbortSignal): void {
    this.hub.add(this);
    this.#signal = signal;
    signal?.addEventListener("abort", this.#leave);
    const fail = (error: unknown) => this.hub.fail(this, error);
    try {
      this.hub.join(this, startAll([room], { after, last }), (joined) => this.#joined(joined))?.catch(fail);
    } catch (error) {
      fail(error);
      throw error;
    }
    if (signal?.aborted) this.#leave();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<RoomItem, undefined>> {
    this.#active = true;
    const item = this.#items.shift();
    if (item !== undefined) {
      this.#bytes -= sizeOf(item);
      if (this.#full && this.#items.length === 0) this.#drained();
      return Promise.resolve({ done: false, value: item });
    }
    if (this.#error) return Promise.reject(this.#error);
    if (this.ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<RoomItem, undefined>> {
    this.hub.remove(this, endedByClient());
    this.#items = [];
    return Promise.resolve({ done: true, value: undefined });
  }

  override get countsAsPresent(): boolean {
    return false;
  }

  override attach(rooms: Room[]): void {
    for (const room of rooms) room.batchers.add(this.#sink);
  }

  override detach(rooms: Room[]): void {
    for (const room of rooms) room.batchers.delete(this.#sink);
  }

  override send(publications: Publication[]): boolean {
    this.sent += publications.length;
    for (const publication of publications) this.#receive(publication);
    return !this.#full;
  }

  override backedUp(): boolean {
    return this.#full;
  }

  override hasUnsent(): boolean {
    return this.#items.length > 0;
  }

  override unreadBytes(): number {
    return this.#bytes;
  }

  override gap(gap: Gap): void {
    this.#push({ type: "gap", ...gap });
  }

  override sendPresence(): void {
    // A subscription does not request presence.
  }

  override end(code: number, reason: string): void {
    if (this.ended) return;
    if (code !== CLOSE.goingAway) {
      const errorCode = code === CLOSE.unavailable ? "unavailable" : "internal";
      this.#error = new ThumpError(errorCode, `The subscription ended: ${reason}.`);
    }
    this.hub.remove(this, endedByUs(code));
  }

  override onRemoved(): void {
    this.#signal?.removeEventListener("abort", this.#leave);
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      if (this.#error) reject(this.#error);
      else resolve({ done: true, value: undefined });
    }
  }

  /**
   * Ends the subscription if its loop takes nothing for two heartbeats. A loop that is waiting for a message receives
   * its position.
   */
  override heartbeat(): boolean {
    if (this.#waiting.length > 0) {
      const at = this.positions ? this.hub.sentUpTo(this) : undefined;
      if (at !== undefined) this.#push({ type: "position", at });
      return true;
    }
    const alive = this.#active || !this.#full;
    this.#active = false;
    return alive;
  }

  #joined({ gap }: JoinResult): void {
    if (gap) this.gap(gap);
    if (!this.positions) return;
    const [membership] = this.memberships.values();
    const behind = membership && !membership.live && !isCaughtUp(membership);
    const position = behind ? positionOf(membership) : this.hub.position;
    this.#push({ type: "position", at: this.hub.cursorAt(position) });
  }

  #receive(publication: Publication): void {
    this.hub.countDelivered(1, publication.size);
    this.#push(new ReceivedMessage(publication, this.hub.cursorAt(publication.seq)));
  }

  #push(item: RoomItem): void {
    const waiting = this.#waiting.shift();
    if (waiting) {
      waiting.resolve({ done: false, value: item });
      return;
    }
    this.#items.push(item);
    this.#bytes += sizeOf(item);
    if (this.#items.length >= MAX_WAITING_ITEMS || this.#bytes >= MAX_WAITING_BYTES) this.#full = true;
  }

  #drained(): void {
    this.#full = false;
    if (!this.ended) this.hub.onDrained(this);
  }
}

class ReceivedMessage implements RoomMessage {
  readonly type = "message";
  readonly event: string;
  readonly time: number;
  readonly from: string | undefined;
  readonly size: number;
  readonly #content: Data;
  #data: { value: unknown } | undefined;

  constructor(
    { event, time, from, size, data }: Publication,
    readonly at: string,
  ) {
    this.event = event;
    this.time = time;
    this.from = from;
    this.size = size;
    this.#content = data;
  }

  get data(): unknown {
    this.#data ??= { value: parseData(this.#content) };
    return this.#data.value;
  }

  get text(): string {
    return dataText(this.#content);
  }
}

function parseData(data: Data): unknown {
  if (data.kind === "json") return parseJson(data.text);
  return data.kind === "text" ? data.text : data.bytes;
}

function sizeOf(item: RoomItem): number {
  return item instanceof ReceivedMessage ? item.size : 0;
}
