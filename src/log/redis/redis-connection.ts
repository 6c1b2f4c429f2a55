// One connection to Redis, for as long as it lives: commands and notifications on it come in one order.
import type { Redis } from "ioredis";
import type { PrimaryFinder } from "./find-primary.ts";
import { type Script, SCRIPTS } from "./scripts.ts";

const PING_INTERVAL_MS = 1000;
/** Channels that one command names. */
const ITEMS_PER_COMMAND = 500;

export type RedisReply = number | Buffer | null | RedisReply[];

/** What a server said of itself when it was connected to. */
export interface ServerInfo {
  /** Names one life of one server. */
  readonly run: string;
  /** Whether it loses nothing that it acknowledged, however it ends: it is known to write and fsync before it answers. */
  readonly keepsAll: boolean;
  /** Its maxmemory-policy. */
  readonly policy: string;
  /** Keys that it has evicted. */
  readonly evicted: number;
}

/** What a link reports. */
export interface RedisConnectionEvents {
  message(channel: string, message: Buffer): void;
  /** Once: it can be used no longer. Everything that was not answered has been rejected, or is about to be. */
  down(reason: Error): void;
}

/** Runs a command as soon as Redis is available. @throws ThumpError `unavailable` */
export type RunWhenReady = (run: (connection: RedisConnection) => Promise<RedisReply>) => Promise<RedisReply>;

export class RedisConnection {
  /** Commands that were sent. */
  sent = 0;
  #heard = performance.now();
  #ended: Error | undefined;
  readonly #timer: Timer;

  private constructor(
    readonly redis: Redis,
    readonly server: ServerInfo,
    readonly events: RedisConnectionEvents,
    readonly patience: number,
  ) {
    redis.on("messageBuffer", (channel: Buffer, message: Buffer) =>
      events.message(channel.toString(), message),
    );
    redis.on("end", () => this.end(new Error("the connection closed")));
    this.#timer = setInterval(() => this.#watch(), Math.min(PING_INTERVAL_MS, patience / 4));
    this.#timer.unref();
  }

  /**
   * Connects, and has the scripts ready.
   * @param patience how long that may take, and how long Redis may be silent when asked, in ms
   * @throws Error when it cannot, or it takes too long
   */
  static async open(
    primaryFinder: PrimaryFinder,
    patience: number,
    events: RedisConnectionEvents,
  ): Promise<RedisConnection> {
    const late = new AbortController();
    const over = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const error = new Error(`no answer within ${patience} ms`);
      late.abort(error);
      over.reject(error);
    }, patience);
    // A connection that hangs may never say that it failed.
    over.promise.catch(() => {});
    let redis: Redis | undefined;
    let reason: Error | undefined;
    try {
      redis = await primaryFinder.connection(late.signal);
      // The error of the connection says more than the one of the command that it failed.
      redis.on("error", (error: Error) => (reason ??= error));
      const [info, files] = await Promise.race([prepared(redis), over.promise]);
      const version = Number.parseFloat(/redis_version:([0-9.]+)/.exec(info)?.[1] ?? "7");
      if (version < 6.2) throw new Error(`Redis ${version} is too old: it takes 6.2 or newer, or Valkey`);
      return new RedisConnection(redis, serverInfo(info, files), events, patience);
    } catch (error) {
      redis?.disconnect();
      const { message } = reason ?? (error as Error);
      const full = /ECONNRESET|EPIPE/.test(message) ? " (perhaps it has no place for another client)" : "";
      throw new Error(`${message}${full}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  get run(): string {
    return this.server.run;
  }

  /** Runs a script. Replies come in the order of the calls; strings are Buffers. @throws Error of Redis */
  async eval(script: Script, keys: string[], args: (string | number | Buffer)[]): Promise<RedisReply> {
    this.sent++;
    const reply = await this.redis.callBuffer("EVALSHA", script.sha, keys.length, ...keys, ...args);
    this.#heard = performance.now();
    return reply as RedisReply;
  }

  /** Any other command. */
  async call(command: string, ...args: (string | number | Buffer)[]): Promise<RedisReply> {
    this.sent++;
    const reply = await this.redis.callBuffer(command, ...args);
    this.#heard = performance.now();
    return reply as RedisReply;
  }

  /** Has the scripts ready again, after somebody threw them out. */
  async reload(): Promise<void> {
    await Promise.all(SCRIPTS.map(({ text }) => this.call("SCRIPT", "LOAD", text)));
  }

  async subscribe(channels: string[]): Promise<void> {
    await Promise.all(
      chunks(channels).map((some) => {
        this.sent++;
        return this.redis.subscribe(...some);
      }),
    );
  }

  unsubscribe(channels: string[]): void {
    for (const some of chunks(channels)) {
      this.sent++;
      this.redis.unsubscribe(...some).catch(() => {
        // The connection is gone, and the subscription with it.
      });
    }
  }

  /** Closes it. The first reason counts. */
  end(reason: Error): void {
    if (this.#ended) return;
    this.#ended = reason;
    clearInterval(this.#timer);
    this.redis.disconnect();
    this.events.down(reason);
  }

  /** A connection can be dead and not know it. */
  #watch(): void {
    if (performance.now() - this.#heard > this.patience)
      return this.end(new Error(`no answer for ${this.patience} ms`));
    this.call("PING").catch((error: unknown) => this.end(error as Error));
  }
}

/** Opens it, and returns what the server says of itself, and how it keeps what it has. */
async function prepared(redis: Redis): Promise<[info: string, files: string]> {
  await redis.connect();
  const info = await redis.info();
  await Promise.all(SCRIPTS.map(({ text }) => redis.script("LOAD", text)));
  // Where it is not allowed to ask, nothing is known of it.
  const files = await redis.call("CONFIG", "GET", "append*").catch(() => "");
  return [info, JSON.stringify(files)];
}

function serverInfo(info: string, files: string): ServerInfo {
  const waitsForDisk = files.includes('"appendonly","yes"') && files.includes('"appendfsync","always"');
  return {
    // A replica that took over may not have had all.
    keepsAll: waitsForDisk && /master_replid2:0+\s/.test(info),
    run: /run_id:(\w+)/.exec(info)?.[1] ?? "unknown",
    policy: /maxmemory_policy:([\w-]+)/.exec(info)?.[1] ?? "noeviction",
    evicted: Number(/evicted_keys:(\d+)/.exec(info)?.[1] ?? 0),
  };
}

/** A list in parts of at most `size`. */
export function chunks<T>(all: T[], size = ITEMS_PER_COMMAND): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}

/** The same of something that there may be much of, and that may change meanwhile: each chunk as it is wanted. */
export function* chunksOf<T>(all: Iterable<T>, size = ITEMS_PER_COMMAND): Iterable<T[]> {
  let some: T[] = [];
  for (const one of all) {
    if (some.push(one) < size) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
}
