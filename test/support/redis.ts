// A Redis of its own for a test: a process on a free port, in a folder that goes with the test.
import { existsSync, readdirSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { cleanup } from "./cleanup.ts";
import { folder } from "./process.ts";
import { noProgram } from "./skip.ts";
import { freePort } from "../../scripts/free-port.ts";

/** The program: another one that is to do the same can be named, a Valkey for example. */
const PROGRAM = process.env["THUMP_REDIS_SERVER"] || "redis-server";

/** Why there is no Redis here, if so. */
export const noRedis = noProgram(PROGRAM, "redis-server");

export class RedisServer {
  #process: Bun.Subprocess | undefined;

  private constructor(
    readonly port: number,
    readonly dir: string,
    readonly options: string[],
    readonly config?: string,
  ) {}

  /** Starts one that goes with the test. @param options as on its command line, e.g. "--appendonly", "yes" */
  static async start(...options: string[]): Promise<RedisServer> {
    return RedisServer.startOn(await freePort(), ...options);
  }

  /** The same on a port that is known already. */
  static async startOn(port: number, ...options: string[]): Promise<RedisServer> {
    const server = new RedisServer(port, folder(), options);
    cleanup(() => server.kill());
    await server.begin();
    return server;
  }

  /** Starts a Sentinel with a configuration file, which it writes to. */
  static async startSentinel(config: string): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), folder(), ["--sentinel"], config);
    cleanup(() => server.kill());
    await server.begin();
    return server;
  }

  /** Starts one for several tests: who calls this kills it. It keeps nothing on disk. */
  static async startShared(): Promise<RedisServer> {
    return RedisServer.startIn(tmpdir(), await freePort());
  }

  /** The same, in a folder and on a port that are known already. */
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

  /** Starts it, on the same port and in the same folder. */
  async begin(): Promise<void> {
    const given = ["--port", this.port, "--dir", this.dir, "--bind", "127.0.0.1", "--loglevel", "warning"];
    // A Sentinel keeps nothing that could be saved.
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

  /** Ends it at once, and waits until it is gone. */
  async kill(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    this.#process?.kill(signal);
    await this.#process?.exited;
  }

  /** How large its append-only file is: what comes later can be lost by `loseAfter`. */
  get appended(): number {
    return statSync(this.#appendFile).size;
  }

  /** Once it was killed: it has lost what it wrote after the file was so large, as it may with `everysec`. */
  loseAfter(size: number): void {
    truncateSync(this.#appendFile, size);
  }

  get #appendFile(): string {
    // Redis 7 has a folder of them; before, there was one.
    const folder = join(this.dir, "appendonlydir");
    if (!existsSync(folder)) return join(this.dir, "appendonly.aof");
    const names = readdirSync(folder).filter((name) => name.endsWith(".incr.aof"));
    return join(folder, names.toSorted((a, b) => numberIn(a) - numberIn(b)).at(-1) ?? "");
  }

  /** It hangs: connections are taken, and nothing is answered, until `resume`. */
  pause(): void {
    this.#process?.kill("SIGSTOP");
  }

  resume(): void {
    this.#process?.kill("SIGCONT");
  }

  /** A line of what it says of its replication. */
  async replication(name: string): Promise<string | undefined> {
    const info = String(await this.ask("INFO", "replication"));
    return new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1];
  }

  /** Runs a command on a connection of its own. */
  async ask(command: string, ...args: (string | number)[]): Promise<unknown> {
    const redis = new Redis({
      port: this.port,
      lazyConnect: true,
      retryStrategy: () => null,
      enableReadyCheck: false,
    });
    redis.on("error", () => {
      // The command fails with it.
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
