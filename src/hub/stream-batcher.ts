// A channel: all streams that want the same format of the same rooms, coded alike. They share every byte.
import type { StreamFormat } from "../protocol/formats.ts";
import type { Log } from "../log/log.ts";
import type { Publication } from "../protocol/publication.ts";
import type { Coding } from "./content-coding.ts";
import type { Room } from "./room.ts";
import type { Session } from "./session.ts";
import type { Stats } from "./stats.ts";

/** A session that is written to in shared chunks. */
export interface Stream extends Session {
  readonly format: StreamFormat;
  readonly coding: Coding;
  /** Writes a chunk, coded as its stream is, which is accepted in any case. False when the connection is now backed up. */
  write(chunk: Uint8Array): boolean;
}

/** A turn's publications are written as one chunk, or as several when they are many. */
const CHUNK = 64 * 1024;
const encoder = new TextEncoder();

export class Channel {
  readonly streams = new Set<Stream>();
  #pending: string[] = [];
  #size = 0;
  #last = 0;
  /** When the oldest of them came in. */
  #since = 0;

  constructor(
    readonly key: string,
    readonly format: StreamFormat,
    readonly coding: Coding,
    readonly rooms: Room[],
    readonly channels: Channels,
  ) {}

  /** Takes a publication of one of its rooms that came in at `since`; it leaves at the end of this turn. */
  push(publication: Publication, since: number): void {
    const text = this.format.message(publication, this.channels.log.epoch);
    if (this.#pending.push(text) === 1) {
      this.#since = since;
      this.channels.flushLater(this);
    }
    this.#size += text.length;
    this.#last = publication.seq;
    if (this.#size > CHUNK) this.flush();
  }

  /** Writes what has gathered, the same bytes to every stream. */
  flush(): void {
    if (this.#pending.length === 0) return;
    const chunk = encoder.encode(this.#pending.join(""));
    const { stats } = this.channels;
    stats.delivered(this.#pending.length * this.streams.size, chunk.length * this.streams.size);
    this.#pending = [];
    this.#size = 0;
    const block = this.coding.block(chunk);
    for (const stream of this.streams) {
      // A stream that is backed up is let go here: it has all of this chunk.
      if (!stream.write(block)) this.channels.onBackedUp(stream, this.#last);
    }
    stats.toStreams.observe(performance.now() - this.#since);
  }
}

/** The channels there are, and the end of each turn. */
export class Channels {
  readonly #channels = new Map<string, Channel>();
  #dirty: Channel[] = [];

  constructor(
    readonly log: Pick<Log, "epoch">,
    readonly stats: Stats,
    readonly onBackedUp: (stream: Stream, position: number) => void,
  ) {}

  /** Adds a stream to the channel of its format and rooms. It must have everything up to now. */
  add(stream: Stream, rooms: Room[]): Channel {
    const { format, coding } = stream;
    const key = JSON.stringify([format.name, coding.name, ...rooms.map((room) => room.name).sort()]);
    let channel = this.#channels.get(key);
    if (!channel) {
      channel = new Channel(key, format, coding, rooms, this);
      this.#channels.set(key, channel);
      for (const room of rooms) room.channels.add(channel);
    }
    // What has gathered is older than the newcomer.
    channel.flush();
    channel.streams.add(stream);
    return channel;
  }

  /** Takes a stream out. What has gathered is written to it first. */
  remove(stream: Stream, channel: Channel): void {
    if (!channel.streams.has(stream)) return;
    channel.flush();
    channel.streams.delete(stream);
    if (channel.streams.size > 0) return;
    this.#channels.delete(channel.key);
    for (const room of channel.rooms) room.channels.delete(channel);
  }

  flushLater(channel: Channel): void {
    if (this.#dirty.push(channel) === 1) setImmediate(() => this.flushAll());
  }

  flushAll(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const channel of dirty) channel.flush();
  }
}
