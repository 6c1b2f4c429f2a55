// Stream batchers: a batcher serves all streams with the same format, content coding and rooms. It encodes the
// publications from a tick once and writes the same bytes to all of these streams.
import type { StreamFormat } from "../protocol/formats.ts";
import type { Log } from "../log/log.ts";
import type { Publication } from "../protocol/publication.ts";
import type { ContentCoding } from "./content-coding.ts";
import type { StreamSink } from "./session.ts";
import type { Stats } from "./stats.ts";

/** The part of `Room` that a batcher uses. */
export interface BatchedRoom {
  readonly name: string;
  /** The batchers that receive the room's publications. */
  readonly batchers: Set<Pick<StreamBatcher, "push">>;
}

/** The maximum chunk size. Publications from one tick are written as one chunk unless they exceed this size. */
const MAX_CHUNK_BYTES = 64 * 1024;
const encoder = new TextEncoder();

export class StreamBatcher {
  readonly streams = new Set<StreamSink>();
  /** Encoded publications that have not been written yet. */
  #pending: string[] = [];
  /** The length of the pending text, in characters. */
  #pendingSize = 0;
  /** The seq of the newest pending publication. */
  #last = 0;
  /** When the server received the oldest pending publication (`performance.now()`). */
  #receivedAt = 0;

  constructor(
    readonly key: string,
    readonly format: StreamFormat,
    readonly coding: ContentCoding,
    readonly rooms: BatchedRoom[],
    readonly batchers: StreamBatchers,
  ) {}

  /**
   * Adds a publication from one of the rooms. It is sent at the end of this tick.
   * @param receivedAt when the server received the publication (`performance.now()`)
   */
  push(publication: Publication, receivedAt: number): void {
    // Here a publication is encoded for streams, once per batcher.
    const text = this.format.message(publication, this.batchers.log.epoch);
    if (this.#pending.push(text) === 1) {
      this.#receivedAt = receivedAt;
      this.batchers.flushLater(this);
    }
    this.#pendingSize += text.length;
    this.#last = publication.seq;
    if (this.#pendingSize > MAX_CHUNK_BYTES) this.flush();
  }

  /** Writes the pending publications. Every stream receives the same bytes. */
  flush(): void {
    if (this.#pending.length === 0) return;
    const chunk = encoder.encode(this.#pending.join(""));
    const { stats } = this.batchers;
    stats.delivered(this.#pending.length * this.streams.size, chunk.length * this.streams.size);
    this.#pending = [];
    this.#pendingSize = 0;
    const block = this.coding.block(chunk);
    // Here the publications leave for all streams of the batcher.
    for (const stream of this.streams) {
      // Here a stream whose connection is full is detached. It has received this whole chunk.
      if (!stream.write(block)) this.batchers.onBackedUp(stream, this.#last);
    }
    stats.toStreams.observe(performance.now() - this.#receivedAt);
  }
}

/** All batchers of a server. At the end of each tick, flushes batchers with pending publications. */
export class StreamBatchers {
  readonly #batchers = new Map<string, StreamBatcher>();
  #dirty: StreamBatcher[] = [];

  /**
   * @param onBackedUp called with a stream whose connection is full, and the seq up to which the stream has received
   * everything
   */
  constructor(
    readonly log: Pick<Log, "epoch">,
    readonly stats: Pick<Stats, "delivered" | "toStreams">,
    readonly onBackedUp: (stream: StreamSink, position: number) => void,
  ) {}

  /**
   * Adds a stream to the batcher for its format, coding and rooms. The stream must have received everything published
   * so far.
   */
  add(stream: StreamSink, rooms: BatchedRoom[]): StreamBatcher {
    const { format, coding } = stream;
    const key = JSON.stringify([format.name, coding.name, ...rooms.map((room) => room.name).sort()]);
    let batcher = this.#batchers.get(key);
    if (!batcher) {
      batcher = new StreamBatcher(key, format, coding, rooms, this);
      this.#batchers.set(key, batcher);
      for (const room of rooms) room.batchers.add(batcher);
    }
    // The pending publications were published before this stream was attached.
    batcher.flush();
    batcher.streams.add(stream);
    return batcher;
  }

  /** Removes a stream after writing the pending publications to it. */
  remove(stream: StreamSink, batcher: StreamBatcher): void {
    if (!batcher.streams.has(stream)) return;
    batcher.flush();
    batcher.streams.delete(stream);
    if (batcher.streams.size > 0) return;
    this.#batchers.delete(batcher.key);
    for (const room of batcher.rooms) room.batchers.delete(batcher);
  }

  /** Flushes a batcher at the end of this tick. */
  flushLater(batcher: StreamBatcher): void {
    if (this.#dirty.push(batcher) === 1) setImmediate(() => this.flushAll());
  }

  /** Writes all pending publications now. */
  flushAll(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const batcher of dirty) batcher.flush();
  }
}
