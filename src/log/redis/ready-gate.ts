// Delays commands until Redis is ready, up to a timeout.
import { ThumpError, unavailable } from "../../protocol/codes.ts";
import { redisErrorKind } from "./redis-errors.ts";
import type { RedisConnection, RedisReply } from "./redis-connection.ts";

export class ReadyGate {
  /** Resolves when commands can be sent. Replaced after each disconnect. */
  #ready = Promise.withResolvers<void>();
  #isReady = false;

  /**
   * @param patience the timeout for a command, in ms
   * @param onError called with errors from Redis
   */
  constructor(
    readonly currentConnection: () => RedisConnection | undefined,
    readonly patience: number,
    readonly onError: (connection: RedisConnection, error: Error) => void,
  ) {}

  /** Resolves when commands can be sent. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Called when a connection has entered the log. */
  up(): void {
    this.#isReady = true;
    this.#ready.resolve();
  }

  down(): void {
    // Callers that are already waiting keep the current promise.
    if (this.#isReady) this.#ready = Promise.withResolvers();
    this.#isReady = false;
  }

  /**
   * Runs a command as soon as Redis is ready.
   * @throws ThumpError `unavailable`
   */
  async run(command: (connection: RedisConnection) => Promise<RedisReply>): Promise<RedisReply> {
    await this.within(this.ready);
    const connection = this.currentConnection();
    if (!connection) throw unavailable("Redis is unavailable.");
    try {
      return await this.within(command(connection));
    } catch (error) {
      if (error instanceof ThumpError) throw error;
      this.onError(connection, error as Error);
      if (redisErrorKind(error as Error) === undefined) throw error;
      throw unavailable(`Redis cannot answer: ${(error as Error).message}`);
    }
  }

  /**
   * Waits for a promise, but no longer than the timeout.
   * @throws ThumpError `unavailable`
   */
  within<T>(promise: Promise<T>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(unavailable("Redis is unavailable.")), this.patience);
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  }
}
