// A connection to Redis, used until it breaks. Replies and notifications arrive in a single overall order.
import type { Redis } from "ioredis";
import type { PrimaryFinder } from "./find-primary.ts";
import { type Script, SCRIPTS } from "./scripts.ts";

const PING_INTERVAL_MS = 1000;
/** The maximum number of channels or items per command. */
const ITEMS_PER_COMMAND = 500;

export type RedisReply = number | Buffer | null | RedisReply[];

/** Properties that the server reported when the connection was opened. */
export interface ServerInfo {
  /** Identifies the server process: changes when the server restarts. */
  readonly run: string;
  /** Whether the server never loses an acknowledged write, because it writes to disk and fsyncs before it replies. */
  readonly keepsAll: boolean;
  /** The configured `maxmemory-policy`. */
  readonly policy: string;
  /** The number of evicted keys. */
  readonly evicted: number;
}

/** Events of a connection. */
export interface RedisConnectionEvents {
  message(channel: string, message: Buffer): void;
  /** Called once when the connection can no longer be used. All unanswered commands are rejected. */
  down(reason: Error): void;
}

/** Runs a command as soon as Redis is available. @throws ThumpError `unavailable` */
export type RunWhenReady = (run: (connection: RedisConnection) => Promise<RedisReply>) => Promise<RedisReply>;

export class RedisConnection {
  /** The number of commands sent. */
  sent = 0;
  #lastReply = performance.now();
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
   * Opens a connection and loads the scripts.
   * @param patience the timeout for opening the connection and for later commands, in ms
   * @throws Error if opening the connection fails or takes too long
   */
  static async open(
    primaryFinder: PrimaryFinder,
    patience: number,
    events: RedisConnectionEvents,
  ): Promise<RedisConnection> {
    const aborter = new AbortController();
    const timeout = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const error = new Error(`no answer within ${patience} ms`);
      aborter.abort(error);
      timeout.reject(error);
    }, patience);
    // A hanging connection may never report an error.
    timeout.promise.catch(() => {});
    let redis: Redis | undefined;
    let reason: Error | undefined;
    try {
      redis = await primaryFinder.connection(aborter.signal);
      // The connection's error is more specific than the command's own error.
      redis.on("error", (error: Error) => (reason ??= error));
      const [info, files] = await Promise.race([prepare(redis), timeout.promise]);
      const version = Number.parseFloat(/redis_version:([0-9.]+)/.exec(info)?.[1] ?? "7");
      if (version < 6.2) throw new Error(`Redis ${version} is too old: Thump needs 6.2 or newer, or Valkey`);
      return new RedisConnection(redis, serverInfo(info, files), events, patience);
    } catch (error) {
      redis?.disconnect();
      const { message } = reason ?? (error as Error);
      const full = /ECONNRESET|EPIPE/.test(message) ? " (perhaps `maxclients` is reached)" : "";
      throw new Error(`${message}${full}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  get run(): string {
    return this.server.run;
  }

  /**
   * Runs a script. Replies arrive in call order. Strings in replies are Buffers.
   * @throws Error from Redis
   */
  async eval(script: Script, keys: string[], args: (string | number | Buffer)[]): Promise<RedisReply> {
    this.sent++;
    const reply = await this.redis.callBuffer("EVALSHA", script.sha, keys.length, ...keys, ...args);
    this.#lastReply = performance.now();
    return reply as RedisReply;
  }

  /**
   * Runs any other command.
   * @throws Error from Redis
   */
  async call(command: string, ...args: (string | number | Buffer)[]): Promise<RedisReply> {
    this.sent++;
    const reply = await this.redis.callBuffer(command, ...args);
    this.#lastReply = performance.now();
    return reply as RedisReply;
  }

  /** Loads the scripts again after they have been flushed. */
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
        // The connection is closed, so the subscription is gone too.
      });
    }
  }

  /** Closes the connection. Only the first call has an effect. */
  end(reason: Error): void {
    if (this.#ended) return;
    this.#ended = reason;
    clearInterval(this.#timer);
    this.redis.disconnect();
    this.events.down(reason);
  }

  /** Detects a dead connection. */
  #watch(): void {
    if (performance.now() - this.#lastReply > this.patience)
      return this.end(new Error(`no answer for ${this.patience} ms`));
    this.call("PING").catch((error: unknown) => this.end(error as Error));
  }
}

/** Connects and loads the scripts. Returns the server's info and its persistence settings. */
async function prepare(redis: Redis): Promise<[info: string, files: string]> {
  await redis.connect();
  const info = await redis.info();
  await Promise.all(SCRIPTS.map(({ text }) => redis.script("LOAD", text)));
  // If CONFIG is not allowed, the settings are unknown.
  const files = await redis.call("CONFIG", "GET", "append*").catch(() => "");
  return [info, JSON.stringify(files)];
}

function serverInfo(info: string, files: string): ServerInfo {
  const waitsForDisk = files.includes('"appendonly","yes"') && files.includes('"appendfsync","always"');
  return {
    // A promoted replica may lack acknowledged writes.
    keepsAll: waitsForDisk && /master_replid2:0+\s/.test(info),
    run: /run_id:(\w+)/.exec(info)?.[1] ?? "unknown",
    policy: /maxmemory_policy:([\w-]+)/.exec(info)?.[1] ?? "noeviction",
    evicted: Number(/evicted_keys:(\d+)/.exec(info)?.[1] ?? 0),
  };
}

/** Divides a list into chunks of at most `size` items. */
export function chunks<T>(all: T[], size = ITEMS_PER_COMMAND): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}

/** Divides an iterable into chunks on demand. The iterable may change between two chunks. */
export function* chunksOf<T>(all: Iterable<T>, size = ITEMS_PER_COMMAND): Iterable<T[]> {
  let some: T[] = [];
  for (const one of all) {
    if (some.push(one) < size) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
}
