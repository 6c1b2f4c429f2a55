// The log in Redis: many nodes share it. What a node sees of it comes on one connection, in one order.
import { ThumpError, unavailable } from "../../protocol/codes.ts";
import type { Cursor } from "../../protocol/cursor.ts";
import { sizeOfData } from "../../protocol/data.ts";
import type { Draft, Publication, Slice } from "../../protocol/publication.ts";
import type { Bounds } from "../../rooms/rule.ts";
import { scopedKey } from "../keys.ts";
import type { Log } from "../log.ts";
import { readAddress } from "./address.ts";
import { type Append, Appends, unanswered } from "./appends.ts";
import { decode, encode } from "./codec.ts";
import { Feed } from "./feed.ts";
import { Followed } from "./followed.ts";
import { Keeper } from "./keeper.ts";
import type { Link, Reply } from "./link.ts";
import { Names } from "./names.ts";
import { type Found, Reads, STEP } from "./reads.ts";
import { APPEND, FORGET, NEWEST, READ, ROOMS, type Script, SWEEP } from "./scripts.ts";
import { RedisPeers } from "./redis-peers.ts";
import { RedisStats } from "./stats.ts";

export interface RedisLogOptions {
  /** As `readAddress` takes it. */
  url: string;
  /** What the names of all its keys begin with. */
  prefix?: string | undefined;
  /** How long a publication, a read or a join waits for Redis, in ms. */
  patience?: number | undefined;
  /** How often rooms are asked for their newest, in ms. */
  check?: number | undefined;
  /** Told when what is kept of a room was forgotten, here or on another node. */
  onForget?: ((room: string) => void) | undefined;
  /** Told of what goes wrong, and without an error when it is over. */
  onFault?: ((what: string, error?: unknown) => void) | undefined;
  /** What is known of a room is remembered for three times this, in ms. */
  period?: number | undefined;
}

/** How long an idempotency key is remembered, in ms. */
const KEY_AGE = 600_000;
const READ_BYTES = 1 << 20;
/** So many rooms are freed in one step. */
const SWEPT = 100;

export class RedisLog implements Log {
  readonly stats = new RedisStats();
  readonly names: Names;
  readonly peers: RedisPeers;
  readonly #keeper: Keeper;
  readonly #feed: Feed;
  readonly #appends: Appends;
  readonly #reads: Reads;
  readonly #patience: number;
  readonly #period: number;
  readonly #timer: Timer;
  /** Resolves once it can be read; another one after each break. */
  #ready = Promise.withResolvers<void>();
  #reaching: Promise<void> | undefined;
  /** What Redis says that it will not take. */
  #refusal: string | undefined;
  /** Sent, and not answered yet. */
  #outstanding = 0;
  /** Appends wait until those that were sent are answered, and what was wrong is put right. */
  #mending: { scripts: boolean; epoch: boolean; done: PromiseWithResolvers<void> } | undefined;
  #closed = false;

  /** @throws Error when the address cannot be read */
  constructor(
    public boundsOf: (room: string) => Bounds,
    options: RedisLogOptions,
  ) {
    const address = readAddress(options.url);
    this.names = new Names(options.prefix ?? "thump");
    this.#patience = options.patience ?? 5000;
    this.#period = options.period ?? 20 * 60_000;
    this.#appends = new Appends(this.#patience);
    this.#reads = new Reads(
      (room, after, limit) => this.#step(room, String(after), limit),
      () => this.#feed.last,
    );
    const link = () => this.#keeper.link;
    this.peers = new RedisPeers(this.names, link, (run) => this.#ask(run));
    this.#feed = new Feed(this.names, this.stats, link, options.onForget, (where, error) => {
      this.#failed(where, error);
      // Whatever else it was: another connection follows them.
      if (!this.#mending) where.end(error);
    });
    this.#keeper = new Keeper(address, this.names.log, this.stats, this.#patience, {
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

  get epoch(): string {
    return this.#feed.epoch;
  }

  get last(): number {
    return this.#feed.last;
  }

  get fault(): string | undefined {
    if (this.#closed) return "the log is closed";
    return this.#keeper.fault ?? this.#refusal;
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
    const { append, done } = this.#appends.add(draft, sizeOfData(draft.data));
    const { link } = this.#keeper;
    // Who follows since this turn gets it.
    this.#feed.join();
    if (link && this.#feed.live && !this.#mending) this.#send(link, append);
    else this.#appends.wait(append);
    return done;
  }

  read(room: string, after: number, limit: number): Promise<Slice> {
    this.stats.reads.wanted++;
    return this.#reads.read(room, after, limit);
  }

  async newest(room: string, count: number): Promise<Slice> {
    this.stats.reads.wanted++;
    const found = await this.#step(room, "-", Math.min(count, STEP));
    const { floor, seq, last, publications } = found;
    const [first] = publications;
    const from = publications.length < count ? floor : first ? first.seq - 1 : last;
    const upTo = Math.max(from, Math.min(seq, this.last));
    return { from, upTo, publications: publications.filter((p) => p.seq <= upTo) };
  }

  follow(
    room: string,
    onPublication: (publication: Publication) => void,
    onStart: (after: number) => void = () => {},
  ): Promise<void> {
    const followed = new Followed(room, onPublication, onStart);
    this.#feed.follow(followed);
    const starting = this.#within(followed.starting.promise);
    // Not everybody who follows waits for it.
    starting.catch(() => {});
    return starting;
  }

  unfollow(room: string): void {
    this.#feed.unfollow(room);
  }

  reach(cursor: Cursor | undefined): void | Promise<void> {
    if (this.epoch === "") return this.#within(this.#ready.promise).then(() => this.reach(cursor));
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
      if (!this.#mending) throw error;
      await this.#within(this.#mending.done.promise);
    }
  }

  replaceBounds(boundsOf: (room: string) => Bounds): void {
    this.boundsOf = boundsOf;
  }

  async forget(room: string): Promise<void> {
    await this.#eval(FORGET, (epoch) => [this.#keys(epoch, room), [room, this.names.channel(room)]]);
  }

  async rooms(): Promise<Iterable<string>> {
    const names = await this.#eval(ROOMS, (epoch) => [[this.names.log, this.names.rooms(epoch)], []]);
    return (names as Buffer[]).map(String);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#appends.close();
    await this.#within(this.peers.leave()).catch(() => {
      // Its lease ends by itself.
    });
    this.#keeper.close();
  }

  /** Resolves once it is connected, and knows its epoch. */
  get opened(): Promise<void> {
    return this.#ready.promise;
  }

  async #enter(link: Link): Promise<void> {
    await this.peers.enter(link);
    await this.#feed.enter(link);
    this.#ready.resolve();
    this.#flush();
  }

  #down(): void {
    this.#feed.down();
    this.#ready = Promise.withResolvers();
    this.#mending?.done.reject(unavailable("Redis cannot be reached just now."));
    this.#mending?.done.promise.catch(() => {});
    this.#mending = undefined;
  }

  /** What waited goes out, oldest first. */
  #flush(): void {
    const { link } = this.#keeper;
    if (!link || this.#mending) return;
    for (const append of this.#appends.takeWaiting()) this.#send(link, append);
  }

  #send(link: Link, append: Append): void {
    const { draft, size } = append;
    const { epoch } = this;
    const { room, key } = draft;
    const keys = this.#keys(epoch, room);
    if (key !== undefined) keys.push(this.names.key(epoch, scopedKey(room, draft.from, key)));
    const args = [
      epoch,
      this.#period,
      ...this.#bounds(room),
      KEY_AGE,
      this.names.channel(room),
      room,
      size,
      encode(draft),
    ];
    this.#outstanding++;
    link
      .eval(APPEND, keys, args)
      .then((reply) => this.#appended(append, reply as [number, number, number, number]))
      .catch((error: unknown) => this.#notAppended(link, append, error as Error))
      .finally(() => {
        this.#outstanding--;
        void this.#mend(link);
      });
  }

  #appended(append: Append, [seq, prev, time, fresh]: [number, number, number, number]): void {
    this.#refusal = undefined;
    const publication: Publication = { ...append.draft, seq, prev, time, size: append.size };
    const room = this.#feed.rooms.get(append.draft.room);
    const resolve = () => append.resolve(publication);
    if (fresh && room) return room.acknowledge(seq, resolve);
    this.#feed.reached(seq);
    resolve();
  }

  #notAppended(link: Link, append: Append, error: Error): void {
    const wrong = kindOf(error);
    if (wrong === "scripts" || wrong === "epoch" || wrong === "elsewhere") {
      // Nothing was done.
      this.#appends.wait(append);
      return this.#failed(link, error);
    }
    this.stats.refused++;
    if (wrong === "refusal") {
      this.#refusal = `Redis takes nothing: ${error.message}`;
      append.reject(unavailable(`Redis takes nothing just now: ${error.message}`));
    } else append.reject(wrong === "gone" ? unanswered() : error);
  }

  /** Once everything that was sent is answered, what was wrong is put right, and all goes on in its order. */
  async #mend(link: Link): Promise<void> {
    const mending = this.#mending;
    if (!mending || this.#outstanding > 0 || this.#keeper.link !== link) return;
    try {
      if (mending.scripts) await link.reload();
      if (mending.epoch) await this.#feed.enter(link);
      if (this.#mending !== mending) return;
      this.#mending = undefined;
      mending.done.resolve();
      this.#flush();
    } catch (error) {
      link.end(error as Error);
    }
  }

  /** Sees to what can be put right. What a connection said that is gone does not matter. */
  #failed(link: Link | undefined, error: Error): void {
    if (!link || this.#keeper.link !== link) return;
    const wrong = kindOf(error);
    if (wrong === "elsewhere") return link.end(error);
    if (wrong !== "scripts" && wrong !== "epoch") return;
    this.#mending ??= { scripts: false, epoch: false, done: Promise.withResolvers() };
    this.#mending[wrong] = true;
    void this.#mend(link);
  }

  /** Runs a script once Redis is there. @throws ThumpError `unavailable` */
  async #eval(
    script: Script,
    write: (epoch: string) => [keys: string[], args: (string | number)[]],
  ): Promise<Reply> {
    return this.#ask((link) => {
      const [keys, args] = write(this.epoch);
      return link.eval(script, keys, [this.epoch, ...args]);
    });
  }

  /** Asks Redis something once it is there. @throws ThumpError `unavailable` */
  async #ask(run: (link: Link) => Promise<Reply>): Promise<Reply> {
    await this.#within(this.#ready.promise);
    const { link } = this.#keeper;
    if (!link) throw unavailable("Redis cannot be reached just now.");
    try {
      return await this.#within(run(link));
    } catch (error) {
      if (error instanceof ThumpError) throw error;
      this.#failed(link, error as Error);
      if (kindOf(error as Error) === undefined) throw error;
      throw unavailable(`Redis cannot answer just now: ${(error as Error).message}`);
    }
  }

  async #step(room: string, after: string, limit: number): Promise<Found & { last: number }> {
    this.stats.reads.sent++;
    const [seq, last, floor, whole, messages] = (await this.#eval(READ, (epoch) => [
      this.#keys(epoch, room),
      [this.#period, ...this.#bounds(room), room, after, limit, READ_BYTES],
    ])) as [number, number, number, number, Buffer[]];
    this.#feed.reached(seq);
    const publications = messages.map((message) => decode(room, message));
    return { seq, last, floor, whole: whole === 1, publications };
  }

  /** A promise of Redis's, for as long as anybody would wait. @throws ThumpError `unavailable` */
  #within<T>(promise: Promise<T>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(unavailable("Redis cannot be reached just now.")), this.#patience);
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  }

  #keys(epoch: string, room: string): string[] {
    const { names } = this;
    return [names.log, names.room(epoch, room), names.kept(epoch, room), names.rooms(epoch)];
  }

  #bounds(room: string): string[] {
    const { count, age, bytes } = this.boundsOf(room);
    // More than a century is for ever; Redis counts in ms.
    return [count, Math.min(age, 4e12), Math.min(bytes, 1e15)].map((bound) => bound.toFixed(0));
  }

  /** Looks whether anything was missed, whether writing goes again, and what is too old. */
  async #tick(): Promise<void> {
    const { link } = this.#keeper;
    if (!link || !this.#feed.live) return;
    try {
      await this.#feed.check(link);
      if (this.#refusal !== undefined) {
        await link.call("HSET", this.names.log, "probe", "1");
        this.#refusal = undefined;
      }
      const { epoch, names } = this;
      const swept = [SWEPT, names.room(epoch, ""), names.kept(epoch, "")];
      await link.eval(SWEEP, [names.log, names.rooms(epoch)], [epoch, ...swept]);
    } catch (error) {
      if (kindOf(error as Error) === "refusal")
        this.#refusal = `Redis takes nothing: ${(error as Error).message}`;
      this.#failed(link, error as Error);
    }
  }
}

/** What an error of Redis means for what was asked. */
function kindOf({ message }: Error): "scripts" | "epoch" | "elsewhere" | "refusal" | "gone" | undefined {
  if (message.startsWith("NOSCRIPT")) return "scripts";
  if (message.startsWith("EPOCH")) return "epoch";
  // Another server takes writes now: the next connection finds it. Nothing was done.
  if (/^(READONLY|MOVED|ASK|CLUSTERDOWN|MASTERDOWN|UNBLOCKED)|READONLY You can't write/.test(message))
    return "elsewhere";
  if (/^(OOM|MISCONF|NOREPLICAS|BUSY|LOADING|NOPERM|TRYAGAIN)|-OOM |OOM command/.test(message))
    return "refusal";
  if (/closed|Stream isn't writeable|ECONN|EPIPE|socket|aborted/i.test(message)) return "gone";
  return undefined;
}
