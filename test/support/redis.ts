// A Redis server for one test: a process on a free port, in a folder that is deleted after the test.
import { existsSync, readdirSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { cleanup } from "./cleanup.ts";
import { folder } from "./process.ts";
import { noProgram } from "./skip.ts";
import { freePort } from "../../scripts/free-port.ts";

/** The Redis program. The environment variable can name a compatible one, such as Valkey. */
const PROGRAM = process.env["THUMP_REDIS_SERVER"] || "redis-server";

/** The reason why Redis is unavailable here; undefined if it is available. */
export const noRedis = noProgram(PROGRAM, "redis-server");

export class RedisServer {
  #process: Bun.Subprocess | undefined;

  private constructor(
    readonly port: number,
    readonly dir: string,
    readonly options: string[],
    readonly config?: string,
  ) {}

  /**
   * Starts a Redis server that is killed when the test ends.
   * @param options command-line options, such as "--appendonly", "yes"
   */
  static async start(...options: string[]): Promise<RedisServer> {
    return RedisServer.startOn(await freePort(), ...options);
  }

  /** Like `start`, but on the given port. */
  static async startOn(port: number, ...options: string[]): Promise<RedisServer> {
    const server = new RedisServer(port, folder(), options);
    cleanup(() => server.kill());
    await server.begin();
    return server;
  }

  /** Starts a Sentinel with a configuration file, which the Sentinel rewrites. */
  static async startSentinel(config: string): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), folder(), ["--sentinel"], config);
    cleanup(() => server.kill());
    await server.begin();
    return server;
  }

  /** Starts a Redis server without persistence for several tests. The caller must kill it. */
  static async startShared(): Promise<RedisServer> {
    return RedisServer.startIn(tmpdir(), await freePort());
  }

  /** Like `startShared`, but in the given folder and on the given port. */
  static async startIn(dir: string, port: number, ...options: string[]): Promise<RedisServer> {
    const server = new RedisServer(port, dir, options);
    await server.begin();
    return server;
  }

  get isRunning(): boolean {
    const process = this.#process;
    return process !== undefined && process.exitCode === null && process.signalCode === null;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts the process, always on the same port and in the same folder. */
  async begin(): Promise<void> {
    const given = ["--port", this.port, "--dir", this.dir, "--bind", "127.0.0.1", "--loglevel", "warning"];
    // A Sentinel has no data to save.
    const save = this.config === undefined ? ["--save", ""] : [];
    const file = this.config === undefined ? [] : [this.config];
    const args = [...file, ...given.map(String), ...save, ...this.options];
    this.#process = Bun.spawn([PROGRAM, ...args], { stdout: "ignore", stderr: "ignore" });
    for (;;) {
      try {
        if ((await this.ask("PING")) === "PONG") return;
      } catch {
        if (!this.isRunning) throw new Error(`${PROGRAM} ended: ${args.join(" ")}`);
      }
      await Bun.sleep(10);
    }
  }

  /** Kills the process and waits until it has exited. */
  async kill(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    this.#process?.kill(signal);
    await this.#process?.exited;
  }

  /** Size of the append-only file in bytes. Pass it to `loseAfter` to discard all later writes. */
  get appended(): number {
    return statSync(this.#appendFile).size;
  }

  /** Truncates the append-only file to `size` bytes, as a crash with `everysec` can do. Call it only after a kill. */
  loseAfter(size: number): void {
    truncateSync(this.#appendFile, size);
  }

  get #appendFile(): string {
    // Redis 7 keeps several append-only files in a folder; earlier versions have a single file.
    const folder = join(this.dir, "appendonlydir");
    if (!existsSync(folder)) return join(this.dir, "appendonly.aof");
    const names = readdirSync(folder).filter((name) => name.endsWith(".incr.aof"));
    return join(folder, names.toSorted((a, b) => numberIn(a) - numberIn(b)).at(-1) ?? "");
  }

  /** Suspends the process until `resume`. Its port still accepts connections, but it does not respond. */
  pause(): void {
    this.#process?.kill("SIGSTOP");
  }

  resume(): void {
    this.#process?.kill("SIGCONT");
  }

  /** Returns a field from the output of `INFO replication`. */
  async replication(name: string): Promise<string | undefined> {
    const info = String(await this.ask("INFO", "replication"));
    return new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1];
  }

  /** Runs a command on a separate connection. */
  async ask(command: string, ...args: (string | number)[]): Promise<unknown> {
    const redis = new Redis({
      port: this.port,
      lazyConnect: true,
      retryStrategy: () => null,
      enableReadyCheck: false,
    });
    redis.on("error", () => {
      // Ignore the error, because the command fails with the same one.
    });
    try {
      await redis.connect();
      return await redis.call(command, ...args);
    } finally {
      redis.disconnect();
    }
  }
}

function numberIn(name: string): number {
  return Number(/\.(\d+)\.incr/.exec(name)?.[1] ?? 0);
}
