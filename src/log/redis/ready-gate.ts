// What is asked of Redis: it waits until Redis is there, for as long as anybody would wait.
import { ThumpError, unavailable } from "../../protocol/codes.ts";
import { redisErrorKind } from "./redis-errors.ts";
import type { RedisConnection, RedisReply } from "./redis-connection.ts";

export class ReadyGate {
  /** Resolves once it can be asked; another one after each break. */
  #ready = Promise.withResolvers<void>();
  #isReady = false;

  /**
   * @param patience how long anything waits, in ms
   * @param onError told of what Redis complains of
   */
  constructor(
    readonly currentConnection: () => RedisConnection | undefined,
    readonly patience: number,
    readonly onError: (connection: RedisConnection, error: Error) => void,
  ) {}

  /** Resolves once it can be asked. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** There is a connection, and it has entered the log. */
  up(): void {
    this.#isReady = true;
    this.#ready.resolve();
  }

  down(): void {
    // Who waits already waits on.
    if (this.#isReady) this.#ready = Promise.withResolvers();
    this.#isReady = false;
  }

  /** Asks Redis something once it is there. @throws ThumpError `unavailable` */
  async ask(run: (connection: RedisConnection) => Promise<RedisReply>): Promise<RedisReply> {
    await this.within(this.ready);
    const connection = this.currentConnection();
    if (!connection) throw unavailable("Redis cannot be reached just now.");
    try {
      return await this.within(run(connection));
    } catch (error) {
      if (error instanceof ThumpError) throw error;
      this.onError(connection, error as Error);
      if (redisErrorKind(error as Error) === undefined) throw error;
      throw unavailable(`Redis cannot answer just now: ${(error as Error).message}`);
    }
  }

  /** A promise of Redis's, for as long as anybody would wait. @throws ThumpError `unavailable` */
  within<T>(promise: Promise<T>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(unavailable("Redis cannot be reached just now.")), this.patience);
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  }
}
