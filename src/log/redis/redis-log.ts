// The log in Redis: many nodes share it. What a node sees of it comes on one connection, in one order.
import { unavailable } from "../../protocol/codes.ts";
import type { Cursor } from "../../protocol/cursor.ts";
import type { Draft, Publication, Slice } from "../../protocol/publication.ts";
import type { Bounds } from "../../rooms/rule.ts";
import type { Log } from "../log.ts";
import { readAddress } from "./address.ts";
import { decode } from "./codec.ts";
import { kindOf } from "./redis-errors.ts";
import { Evictions } from "./eviction-monitor.ts";
import { Entrance } from "./restart-barrier.ts";
import { Feed } from "./subscriber.ts";
import { Followed } from "./subscription.ts";
import { Keeper } from "./reconnector.ts";
import type { Link, Reply } from "./redis-connection.ts";
import { Mender } from "./recovery.ts";
import { Names } from "./key-names.ts";
import { afterHole, type Found, Reads, STEP } from "./read-coalescer.ts";
import { FORGET, NEWEST, READ, ROOMS, type Script, SWEEP } from "./scripts.ts";
import { Places } from "./room-keys.ts";
import type { RedisLogOptions } from "./redis-options.ts";
import { Questions } from "./ready-gate.ts";
import { RedisPeers } from "./redis-peers.ts";
import { Sender } from "./append-sender.ts";
import { shared } from "./ttl-cache.ts";
import { RedisStats } from "./redis-stats.ts";

/** For how long a list of rooms is good, in ms. */
const FRESH = 1000;
const READ_BYTES = 1 << 20;
/** So many rooms are freed in one step. */
const SWEPT = 100;

export class RedisLog implements Log {
  readonly stats = new RedisStats();
  readonly names: Names;
  readonly peers: RedisPeers;
  readonly #keeper: Keeper;
  readonly #entrance: Entrance;
  readonly #feed: Feed;
  readonly #mender: Mender;
  readonly #sender: Sender;
  readonly #evictions: Evictions;
  readonly #places: Places;
  readonly #reads: Reads;
  readonly #questions: Questions;
  readonly #timer: Timer;
  #reaching: Promise<void> | undefined;
  #closed = false;

  /** @throws Error when the address cannot be read */
  constructor(boundsOf: (room: string) => Bounds, options: RedisLogOptions) {
    const address = readAddress(options.url);
    this.names = new Names(options.prefix ?? "thump");
    const patience = options.patience ?? 5000;
    this.#places = new Places(this.names, boundsOf, options.period ?? 20 * 60_000);
    this.#reads = new Reads(
      (room, after, limit) => this.#step(room, String(after), limit),
      () => this.#feed.last,
    );
    const link = () => this.#keeper.link;
    this.#questions = new Questions(link, patience, (where, error) => this.#mender.failed(where, error));
    const ask = (run: (made: Link) => Promise<Reply>) => this.#questions.ask(run);
    this.peers = new RedisPeers(this.names, link, ask, options.lease ?? 6000);
    this.#entrance = new Entrance(this.names, this.#places.period, this.peers);
    this.#feed = new Feed(
      this.#places,
      this.#entrance,
      this.stats,
      link,
      options.onForget,
      (where, error) => {
        this.#mender.failed(where, error);
        // Whatever else it was: another connection follows them.
        if (!this.#mender.done) where.end(error);
      },
    );
    this.#mender = new Mender(link, {
      isBusy: () => this.#sender.isBusy,
      enter: (made) => this.#feed.enter(made),
      mended: () => this.#sender.flush(),
    });
    this.#sender = new Sender(this.#places, this.#feed, this.#mender, this.stats, patience);
    this.#evictions = new Evictions(this.stats, (text) => options.onWarning?.(text));
    this.#keeper = new Keeper(address, this.names.log, this.stats, patience, {
      up: (made) => this.#enter(made),
      message: (channel, message) => {
        if (!this.#feed.take(channel, message)) this.peers.take(channel, message.toString());
      },
      down: () => this.#down(),
      fault: (reason) => options.onFault?.("the log", reason),
    });
    this.#timer = setInterval(() => void this.#tick(), options.check ?? 5000);
    this.#timer.unref();
  }

  get remembered(): number {
    return 3 * this.#places.period;
  }

  get epoch(): string {
    return this.#feed.epoch;
  }

  get last(): number {
    return this.#feed.last;
  }

  get fault(): string | undefined {
    if (this.#closed) return "the log is closed";
    return this.#keeper.fault ?? this.#sender.refusal;
  }

  /** The connection that there is just now. */
  get link(): Link | undefined {
    return this.#keeper.link;
  }

  /** Commands that were sent to Redis since the start. */
  get commands(): number {
    return this.stats.commandsBefore + (this.#keeper.link?.sent ?? 0);
  }

  set onRenew(onRenew: (before: Cursor) => void) {
    this.#feed.onRenew = onRenew;
  }

  append(draft: Draft): Promise<Publication> {
    if (this.#closed) throw unavailable("The log is closed.");
    return this.#sender.append(draft);
  }

  read(room: string, after: number, limit: number): Promise<Slice> {
    this.stats.reads.wanted++;
    return this.#ofOneEpoch(() => this.#reads.read(room, after, limit));
  }

  /** A seq means something in one epoch: what is read in the next one does not continue it. @throws ThumpError */
  async #ofOneEpoch(read: () => Promise<Slice>): Promise<Slice> {
    const { epoch } = this;
    const slice = await read();
    if (epoch !== "" && epoch !== this.epoch) throw unavailable("The log has just begun anew.");
    return slice;
  }

  newest(room: string, count: number): Promise<Slice> {
    this.stats.reads.wanted++;
    return this.#ofOneEpoch(() => this.#newest(room, count));
  }

  async #newest(room: string, count: number): Promise<Slice> {
    const found = await this.#step(room, "-", Math.min(count, STEP));
    const { floor, seq, last, publications } = found;
    const [first] = publications;
    const from = publications.length < count ? floor : first ? first.seq - 1 : last;
    const upTo = Math.max(from, Math.min(seq, this.last));
    const slice: Slice = { from, upTo, publications: publications.filter((p) => p.seq <= upTo) };
    if (floor > 0 && (first?.prev ?? floor) <= floor) slice.truncated = true;
    return slice;
  }

  follow(
    room: string,
    onPublication: (publication: Publication) => void,
    onStart: (after: number) => void = () => {},
  ): Promise<void> {
    const followed = new Followed(room, onPublication, onStart);
    this.#feed.follow(followed);
    const starting = this.#questions.within(followed.starting.promise);
    // Not everybody who follows waits for it.
    starting.catch(() => {});
    return starting;
  }

  unfollow(room: string): void {
    this.#feed.unfollow(room);
  }

  reach(cursor: Cursor | undefined): void | Promise<void> {
    if (this.epoch === "")
      return this.#questions.within(this.#questions.ready).then(() => this.reach(cursor));
    if (!cursor || (cursor.epoch === this.epoch && cursor.seq <= this.last)) return;
    // All of this turn ask once.
    this.#reaching ??= Promise.resolve().then(() => this.#reach());
    return this.#reaching;
  }

  async #reach(): Promise<void> {
    this.#reaching = undefined;
    try {
      const [seq] = (await this.#eval(NEWEST, () => [[this.names.log], []])) as [number];
      this.#feed.reached(seq);
    } catch (error) {
      // The log began anew, and this node is just learning that: then it knows, too.
      const { done } = this.#mender;
      if (!done) throw error;
      await this.#questions.within(done);
    }
  }

  replaceBounds(boundsOf: (room: string) => Bounds): void {
    this.#places.boundsOf = boundsOf;
  }

  async forget(room: string): Promise<void> {
    await this.#eval(FORGET, (epoch) => [
      this.#places.keys(epoch, room),
      [room, this.names.channel(epoch, room)],
    ]);
  }

  /** As they were in the last second: who lists them often costs nothing more. */
  readonly rooms = shared(FRESH, async (): Promise<Iterable<string>> => {
    const names = await this.#eval(ROOMS, (epoch) => [[this.names.log, this.names.rooms(epoch)], []]);
    return (names as Buffer[]).map(String);
  });

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#sender.close();
    await this.#questions.within(this.peers.leave()).catch(() => {
      // Its lease ends by itself.
    });
    this.#keeper.close();
  }

  /** Resolves once it is connected, and knows its epoch. */
  get opened(): Promise<void> {
    return this.#questions.ready;
  }

  async #enter(link: Link): Promise<void> {
    // Before anything is written: others may still have to come.
    await this.#entrance.enter(link, this.#feed.seen);
    await this.peers.enter(link);
    await this.#feed.enter(link);
    this.#evictions.enter(link);
    this.#questions.up();
    this.#sender.flush();
  }

  #down(): void {
    this.#feed.down();
    this.#mender.down();
    this.#questions.down();
  }

  /** Runs a script of this epoch once Redis is there. @throws ThumpError `unavailable` */
  #eval(
    script: Script,
    write: (epoch: string) => [keys: string[], args: (string | number)[]],
  ): Promise<Reply> {
    return this.#questions.ask((link) => {
      const [keys, args] = write(this.epoch);
      return link.eval(script, keys, [this.epoch, ...args]);
    });
  }

  async #step(room: string, after: string, limit: number): Promise<Found & { last: number }> {
    this.stats.reads.sent++;
    const [seq, last, floor, whole, messages] = (await this.#eval(READ, (epoch) => [
      this.#places.keys(epoch, room),
      [this.#places.period, ...this.#places.bounds(room), room, after, limit, READ_BYTES],
    ])) as [number, number, number, number, Buffer[]];
    this.#feed.reached(seq);
    const publications = messages.map((message) => decode(room, message));
    return afterHole({ seq, last, floor, whole: whole === 1, publications }, after);
  }

  /** Looks whether anything was missed, whether writing goes again, and what is too old. */
  async #tick(): Promise<void> {
    const { link } = this.#keeper;
    if (!link || !this.#feed.live) return;
    try {
      await this.#feed.check(link);
      // Revocations, counts and presence may be gone, too: what this node knows of them is written again.
      if (await this.#evictions.look(link)) await this.peers.enter(link);
      if (this.#sender.refusal !== undefined) {
        await link.call("HSET", this.names.log, "probe", "1");
        this.#sender.refusal = undefined;
      }
      const { epoch, names } = this;
      const swept = [this.#places.period, SWEPT, names.room(epoch, ""), names.kept(epoch, "")];
      const keys = [names.log, names.rooms(epoch), names.index(epoch)];
      await link.eval(SWEEP, keys, [epoch, ...swept]);
    } catch (error) {
      if (kindOf(error as Error) === "refusal") this.#sender.refused(error as Error);
      this.#mender.failed(link, error as Error);
    }
  }
}
