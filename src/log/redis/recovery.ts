// Recovers an open connection from Redis errors: reloads flushed scripts, and enters the log again if the epoch has
// changed.
import { unavailable } from "../../protocol/codes.ts";
import { redisErrorKind } from "./redis-errors.ts";
import type { RedisConnection } from "./redis-connection.ts";

export interface RecoveryEvents {
  /** Returns true while any running command might have to be retried out of order. */
  isBusy(): boolean;
  /** Enters the log again. */
  enter(connection: RedisConnection): Promise<void>;
  recovered(): void;
}

export class RedisRecovery {
  #recovering: { scripts: boolean; epoch: boolean; done: PromiseWithResolvers<void> } | undefined;

  constructor(
    readonly currentConnection: () => RedisConnection | undefined,
    readonly events: RecoveryEvents,
  ) {}

  /** Resolves when the recovery in progress finishes. Rejects if the connection breaks first. */
  get done(): Promise<void> | undefined {
    return this.#recovering?.done.promise;
  }

  /** Starts a recovery if the error allows it. Ignores errors from old connections. */
  failed(connection: RedisConnection, error: Error): void {
    if (this.currentConnection() !== connection) return;
    const wrong = redisErrorKind(error);
    if (wrong === "elsewhere") return connection.end(error);
    if (wrong !== "scripts" && wrong !== "epoch") return;
    this.#recovering ??= { scripts: false, epoch: false, done: Promise.withResolvers() };
    // Prevents an unhandled rejection if no caller is waiting.
    this.#recovering.done.promise.catch(() => {});
    this.#recovering[wrong] = true;
    void this.recover(connection);
  }

  /** Recovers as soon as no commands are running, so that the retries keep their order. */
  async recover(connection: RedisConnection): Promise<void> {
    const recovering = this.#recovering;
    if (!recovering || this.events.isBusy() || this.currentConnection() !== connection) return;
    try {
      if (recovering.scripts) await connection.reload();
      if (recovering.epoch) await this.events.enter(connection);
      if (this.#recovering !== recovering) return;
      this.#recovering = undefined;
      recovering.done.resolve();
      this.events.recovered();
    } catch (error) {
      connection.end(error as Error);
    }
  }

  /** Ends the recovery because the connection has broken. The next connection starts in a clean state. */
  down(): void {
    this.#recovering?.done.reject(unavailable("Redis is unavailable."));
    this.#recovering = undefined;
  }
}
