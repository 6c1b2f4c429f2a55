// Reads a room's stored publications from Redis, within one epoch and up to the position that this node has received.
import { unavailable } from "../../protocol/codes.ts";
import type { Slice } from "../../protocol/publication.ts";
import { decode } from "./codec.ts";
import { afterHole, PUBLICATIONS_PER_READ, ReadCoalescer, type ReadResult } from "./read-coalescer.ts";
import type { RedisReply } from "./redis-connection.ts";
import type { RedisStats } from "./redis-stats.ts";
import type { RoomKeys } from "./room-keys.ts";
import { READ, type Script } from "./scripts.ts";
import type { Subscriber } from "./subscriber.ts";

const MAX_READ_BYTES = 1 << 20;

/** Runs a script in the current epoch as soon as Redis is ready. @throws ThumpError `unavailable` */
export type RunInEpoch = (
  script: Script,
  write: (epoch: string) => [keys: string[], args: (string | number)[]],
) => Promise<RedisReply>;

export class RoomReader {
  readonly #reads: ReadCoalescer;

  constructor(
    readonly run: RunInEpoch,
    readonly roomKeys: RoomKeys,
    readonly subscriber: Subscriber,
    readonly stats: RedisStats,
  ) {
    this.#reads = new ReadCoalescer(
      (room, after, limit) => this.#readOnce(room, String(after), limit),
      () => subscriber.last,
    );
  }

  /** Returns up to `limit` publications after a position, oldest first. @throws ThumpError `unavailable` */
  read(room: string, after: number, limit: number): Promise<Slice> {
    this.stats.reads.wanted++;
    return this.#inOneEpoch(() => this.#reads.read(room, after, limit));
  }

  /** Returns the newest `count` publications, oldest first. @throws ThumpError `unavailable` */
  newest(room: string, count: number): Promise<Slice> {
    this.stats.reads.wanted++;
    return this.#inOneEpoch(() => this.#newest(room, count));
  }

  /** A seq is valid only in its epoch, so a read must not continue in the next epoch. */
  async #inOneEpoch(read: () => Promise<Slice>): Promise<Slice> {
    const { epoch } = this.subscriber;
    const slice = await read();
    if (epoch !== "" && epoch !== this.subscriber.epoch)
      throw unavailable("The log has just started a new epoch.");
    return slice;
  }

  async #newest(room: string, count: number): Promise<Slice> {
    const result = await this.#readOnce(room, "-", Math.min(count, PUBLICATIONS_PER_READ));
    const { floor, seq, last, publications } = result;
    const [first] = publications;
    const from = publications.length < count ? floor : first ? first.seq - 1 : last;
    const upTo = Math.max(from, Math.min(seq, this.subscriber.last));
    const slice: Slice = { from, upTo, publications: publications.filter((p) => p.seq <= upTo) };
    if (floor > 0 && (first?.prev ?? floor) <= floor) slice.truncated = true;
    return slice;
  }

  async #readOnce(room: string, after: string, limit: number): Promise<ReadResult & { last: number }> {
    this.stats.reads.sent++;
    const { roomKeys, subscriber } = this;
    const [seq, last, floor, whole, messages] = (await this.run(READ, (epoch) => [
      roomKeys.keys(epoch, room),
      [roomKeys.period, ...roomKeys.retention(room), room, after, limit, MAX_READ_BYTES],
    ])) as [number, number, number, number, Buffer[]];
    subscriber.advanceTo(seq);
    const publications = messages.map((message) => decode(room, message));
    return afterHole({ seq, last, floor, whole: whole === 1, publications }, after);
  }
}
