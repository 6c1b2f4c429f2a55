// A channel: all streams that want the same format of the same rooms, coded alike. They share every byte.
import type { StreamFormat } from "../protocol/formats.ts";
import type { Log } from "../log/log.ts";
import type { Publication } from "../protocol/publication.ts";
import type { ContentCoding } from "./content-coding.ts";
import type { StreamSink } from "./session.ts";
import type { Stats } from "./stats.ts";

/** What a batcher needs of a room. */
export interface BatchedRoom {
  readonly name: string;
  /** Receive the room's publications. */
  readonly batchers: Set<Pick<StreamBatcher, "push">>;
}

/** A turn's publications are written as one chunk, or as several when they are many. */
const MAX_CHUNK_BYTES = 64 * 1024;
const encoder = new TextEncoder();

export class StreamBatcher {
  readonly streams = new Set<StreamSink>();
  #pending: string[] = [];
  #size = 0;
  #last = 0;
  /** When the oldest of them came in. */
  #receivedAt = 0;

  constructor(
    readonly key: string,
    readonly format: StreamFormat,
    readonly coding: ContentCoding,
    readonly rooms: BatchedRoom[],
    readonly batchers: StreamBatchers,
  ) {}

  /** Takes a publication of one of its rooms that came in at `receivedAt`; it leaves at the end of this turn. */
  push(publication: Publication, receivedAt: number): void {
    const text = this.format.message(publication, this.batchers.log.epoch);
    if (this.#pending.push(text) === 1) {
      this.#receivedAt = receivedAt;
      this.batchers.flushLater(this);
    }
    this.#size += text.length;
    this.#last = publication.seq;
    if (this.#size > MAX_CHUNK_BYTES) this.flush();
  }

  /** Writes what has gathered, the same bytes to every stream. */
  flush(): void {
    if (this.#pending.length === 0) return;
    const chunk = encoder.encode(this.#pending.join(""));
    const { stats } = this.batchers;
    stats.delivered(this.#pending.length * this.streams.size, chunk.length * this.streams.size);
    this.#pending = [];
    this.#size = 0;
    const block = this.coding.block(chunk);
    for (const stream of this.streams) {
      // A stream that is backed up is detached here: it has all of this chunk.
      if (!stream.write(block)) this.batchers.onBackedUp(stream, this.#last);
    }
    stats.toStreams.observe(performance.now() - this.#receivedAt);
  }
}

/** The channels there are, and the end of each turn. */
export class StreamBatchers {
  readonly #batchers = new Map<string, StreamBatcher>();
  #dirty: StreamBatcher[] = [];

  constructor(
    readonly log: Pick<Log, "epoch">,
    readonly stats: Stats,
    readonly onBackedUp: (stream: StreamSink, position: number) => void,
  ) {}

  /** Adds a stream to the channel of its format and rooms. It must have everything up to now. */
  add(stream: StreamSink, rooms: BatchedRoom[]): StreamBatcher {
    const { format, coding } = stream;
    const key = JSON.stringify([format.name, coding.name, ...rooms.map((room) => room.name).sort()]);
    let batcher = this.#batchers.get(key);
    if (!batcher) {
      batcher = new StreamBatcher(key, format, coding, rooms, this);
      this.#batchers.set(key, batcher);
      for (const room of rooms) room.batchers.add(batcher);
    }
    // What has gathered is older than the newcomer.
    batcher.flush();
    batcher.streams.add(stream);
    return batcher;
  }

  /** Takes a stream out. What has gathered is written to it first. */
  remove(stream: StreamSink, batcher: StreamBatcher): void {
    if (!batcher.streams.has(stream)) return;
    batcher.flush();
    batcher.streams.delete(stream);
    if (batcher.streams.size > 0) return;
    this.#batchers.delete(batcher.key);
    for (const room of batcher.rooms) room.batchers.delete(batcher);
  }

  flushLater(batcher: StreamBatcher): void {
    if (this.#dirty.push(batcher) === 1) setImmediate(() => this.flushAll());
  }

  flushAll(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const batcher of dirty) batcher.flush();
  }
}
