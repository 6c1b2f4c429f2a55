// The log in Redis, shared by all nodes of a cluster. A node receives everything on one connection, in a single overall
// order.
import { unavailable } from "../../protocol/codes.ts";
import type { Cursor } from "../../protocol/cursor.ts";
import type { Draft, Publication, Slice } from "../../protocol/publication.ts";
import type { Retention } from "../../rooms/rule.ts";
import type { Log } from "../log.ts";
import { parseRedisAddress } from "./address.ts";
import { redisErrorKind } from "./redis-errors.ts";
import { EvictionMonitor } from "./eviction-monitor.ts";
import { RestartBarrier } from "./restart-barrier.ts";
import { Subscriber } from "./subscriber.ts";
import { Subscription } from "./subscription.ts";
import { Reconnector } from "./reconnector.ts";
import type { RedisConnection, RedisReply } from "./redis-connection.ts";
import { RedisRecovery } from "./recovery.ts";
import { KeyNames } from "./key-names.ts";
import { RoomReader, type RunInEpoch } from "./room-reader.ts";
import { FORGET, NEWEST, ROOMS, type Script, SWEEP } from "./scripts.ts";
import { RoomKeys } from "./room-keys.ts";
import type { RedisLogOptions } from "./redis-options.ts";
import { ReadyGate } from "./ready-gate.ts";
import { RedisPeers } from "./redis-peers.ts";
import { AppendSender } from "./append-sender.ts";
import { ttlCache } from "./ttl-cache.ts";
import { RedisStats } from "./redis-stats.ts";

/** The list of rooms is cached for this time, in ms. */
const ROOMS_TTL_MS = 1000;
/** The maximum number of rooms to free per sweep. */
const ROOMS_PER_SWEEP = 100;

export class RedisLog implements Log {
  readonly stats = new RedisStats();
  readonly names: KeyNames;
  readonly peers: RedisPeers;
  readonly #reconnector: Reconnector;
  readonly #barrier: RestartBarrier;
  readonly #subscriber: Subscriber;
  readonly #recovery: RedisRecovery;
  readonly #sender: AppendSender;
  readonly #evictions: EvictionMonitor;
  readonly #roomKeys: RoomKeys;
  readonly #reader: RoomReader;
  readonly #readyGate: ReadyGate;
  readonly #timer: Timer;
  #catchingUp: Promise<void> | undefined;
  #closed = false;

  /** @throws Error if the address is invalid */
  constructor(retentionOf: (room: string) => Retention, options: RedisLogOptions) {
    const address = parseRedisAddress(options.url);
    this.names = new KeyNames(options.prefix ?? "thump");
    const patience = options.patience ?? 5000;
    this.#roomKeys = new RoomKeys(this.names, retentionOf, options.period ?? 20 * 60_000);
    const connection = () => this.#reconnector.connection;
    this.#readyGate = new ReadyGate(connection, patience, (where, error) =>
      this.#recovery.failed(where, error),
    );
    const runWhenReady = (run: (made: RedisConnection) => Promise<RedisReply>) => this.#readyGate.run(run);
    this.peers = new RedisPeers(this.names, connection, runWhenReady, options.lease ?? 6000);
    this.#barrier = new RestartBarrier(this.names, this.#roomKeys.period, this.peers);
    this.#subscriber = new Subscriber(
      this.#roomKeys,
      this.#barrier,
      this.stats,
      connection,
      options.onForget,
      (where, error) => {
        this.#recovery.failed(where, error);
        // After any other error, the next connection subscribes to the rooms again.
        if (!this.#recovery.done) where.end(error);
      },
    );
    const run: RunInEpoch = (script, write) => this.#eval(script, write);
    this.#reader = new RoomReader(run, this.#roomKeys, this.#subscriber, this.stats);
    this.#recovery = new RedisRecovery(connection, {
      isBusy: () => this.#sender.isBusy,
      enter: (made) => this.#subscriber.enter(made),
      recovered: () => this.#sender.flush(),
    });
    this.#sender = new AppendSender(this.#roomKeys, this.#subscriber, this.#recovery, this.stats, patience);
    this.#evictions = new EvictionMonitor(this.stats, (text) => options.onWarning?.(text));
    this.#reconnector = new Reconnector(address, this.names.log, this.stats, patience, {
      up: (made) => this.#enter(made),
      message: (channel, message) => {
        if (!this.#subscriber.receive(channel, message)) this.peers.receive(channel, message.toString());
      },
      down: () => this.#down(),
      fault: (reason) => options.onFault?.("the log", reason),
    });
    this.#timer = setInterval(() => void this.#tick(), options.check ?? 5000);
    this.#timer.unref();
  }

  get positionTtlMs(): number {
    return 3 * this.#roomKeys.period;
  }

  get epoch(): string {
    return this.#subscriber.epoch;
  }

  get last(): number {
    return this.#subscriber.last;
  }

  get fault(): string | undefined {
    if (this.#closed) return "the log is closed";
    return this.#reconnector.fault ?? this.#sender.refusal;
  }

  /** The current connection, if there is one. */
  get connection(): RedisConnection | undefined {
    return this.#reconnector.connection;
  }

  /** The number of commands sent to Redis since the server started. */
  get commands(): number {
    return this.stats.commandsBefore + (this.#reconnector.connection?.sent ?? 0);
  }

  set onEpochChange(onEpochChange: (before: Cursor) => void) {
    this.#subscriber.onEpochChange = onEpochChange;
  }

  append(draft: Draft): Promise<Publication> {
    if (this.#closed) throw unavailable("The log is closed.");
    return this.#sender.append(draft);
  }

  read(room: string, after: number, limit: number): Promise<Slice> {
    return this.#reader.read(room, after, limit);
  }

  newest(room: string, count: number): Promise<Slice> {
    return this.#reader.newest(room, count);
  }

  subscribe(
    room: string,
    onPublication: (publication: Publication) => void,
    onStart: (after: number) => void = () => {},
  ): Promise<void> {
    const subscription = new Subscription(room, onPublication, onStart);
    this.#subscriber.subscribe(subscription);
    const started = this.#readyGate.within(subscription.starting.promise);
    // Prevents an unhandled rejection if no caller is waiting.
    started.catch(() => {});
    return started;
  }

  unsubscribe(room: string): void {
    this.#subscriber.unsubscribe(room);
  }

  catchUpTo(cursor: Cursor | undefined): void | Promise<void> {
    if (this.epoch === "")
      return this.#readyGate.within(this.#readyGate.ready).then(() => this.catchUpTo(cursor));
    if (!cursor || (cursor.epoch === this.epoch && cursor.seq <= this.last)) return;
    // All calls in a tick share one request.
    this.#catchingUp ??= Promise.resolve().then(() => this.#catchUp());
    return this.#catchingUp;
  }

  async #catchUp(): Promise<void> {
    this.#catchingUp = undefined;
    try {
      const [seq] = (await this.#eval(NEWEST, () => [[this.names.log], []])) as [number];
      this.#subscriber.advanceTo(seq);
    } catch (error) {
      // The log has started a new epoch. Once this node has entered it, the newest seq is known.
      const { done } = this.#recovery;
      if (!done) throw error;
      await this.#readyGate.within(done);
    }
  }

  replaceRetention(retentionOf: (room: string) => Retention): void {
    this.#roomKeys.retentionOf = retentionOf;
  }

  async forget(room: string): Promise<void> {
    await this.#eval(FORGET, (epoch) => [
      this.#roomKeys.keys(epoch, room),
      [room, this.names.channel(epoch, room)],
    ]);
  }

  /** Room names, cached for a second so that frequent requests are cheap. */
  readonly rooms = ttlCache(ROOMS_TTL_MS, async (): Promise<Iterable<string>> => {
    const names = await this.#eval(ROOMS, (epoch) => [[this.names.log, this.names.rooms(epoch)], []]);
    return (names as Buffer[]).map(String);
  });

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#sender.close();
    await this.#readyGate.within(this.peers.leave()).catch(() => {
      // Ignored: the lease expires by itself.
    });
    this.#reconnector.close();
  }

  /** Resolves when the log is connected and its epoch is known. */
  get opened(): Promise<void> {
    return this.#readyGate.ready;
  }

  async #enter(connection: RedisConnection): Promise<void> {
    // Wait at the barrier before writing anything, because other nodes may still have to enter.
    await this.#barrier.enter(connection, this.#subscriber.seen);
    await this.peers.enter(connection);
    await this.#subscriber.enter(connection);
    this.#evictions.enter(connection);
    this.#readyGate.up();
    this.#sender.flush();
  }

  #down(): void {
    this.#subscriber.down();
    this.#recovery.down();
    this.#readyGate.down();
  }

  /**
   * Runs a script in the current epoch as soon as Redis is ready.
   * @throws ThumpError `unavailable`
   */
  #eval(
    script: Script,
    write: (epoch: string) => [keys: string[], args: (string | number)[]],
  ): Promise<RedisReply> {
    return this.#readyGate.run((connection) => {
      const [keys, args] = write(this.epoch);
      return connection.eval(script, keys, [this.epoch, ...args]);
    });
  }

  /**
   * Periodic work: checks for missed messages, tests whether writes succeed again, and frees rooms with expired
   * messages.
   */
  async #tick(): Promise<void> {
    const { connection } = this.#reconnector;
    if (!connection || !this.#subscriber.live) return;
    try {
      await this.#subscriber.check(connection);
      // Revocations, counts and presence may have been evicted too, so write this node's entries again.
      if (await this.#evictions.check(connection)) await this.peers.enter(connection);
      if (this.#sender.refusal !== undefined) {
        await connection.call("HSET", this.names.log, "probe", "1");
        this.#sender.refusal = undefined;
      }
      const { epoch, names } = this;
      const swept = [this.#roomKeys.period, ROOMS_PER_SWEEP, names.room(epoch, ""), names.stream(epoch, "")];
      const keys = [names.log, names.rooms(epoch), names.index(epoch)];
      await connection.eval(SWEEP, keys, [epoch, ...swept]);
    } catch (error) {
      if (redisErrorKind(error as Error) === "refusal") this.#sender.refused(error as Error);
      this.#recovery.failed(connection, error as Error);
    }
  }
}
