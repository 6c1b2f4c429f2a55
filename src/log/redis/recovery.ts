// Puts right what Redis complains of on a connection that stands: scripts that are gone, a log that began anew.
import { unavailable } from "../../protocol/codes.ts";
import { redisErrorKind } from "./redis-errors.ts";
import type { RedisConnection } from "./redis-connection.ts";

export interface RecoveryEvents {
  /** Whether something is under way that would come out of its order. */
  isBusy(): boolean;
  /** Enters the log again. */
  enter(connection: RedisConnection): Promise<void>;
  recovered(): void;
}

export class RedisRecovery {
  #mending: { scripts: boolean; epoch: boolean; done: PromiseWithResolvers<void> } | undefined;

  constructor(
    readonly currentConnection: () => RedisConnection | undefined,
    readonly events: RecoveryEvents,
  ) {}

  /** While something is put right: when that is done. It rejects when the connection breaks before. */
  get done(): Promise<void> | undefined {
    return this.#mending?.done.promise;
  }

  /** Sees to what can be put right. What a connection said that is gone does not matter. */
  failed(connection: RedisConnection, error: Error): void {
    if (this.currentConnection() !== connection) return;
    const wrong = redisErrorKind(error);
    if (wrong === "elsewhere") return connection.end(error);
    if (wrong !== "scripts" && wrong !== "epoch") return;
    this.#mending ??= { scripts: false, epoch: false, done: Promise.withResolvers() };
    // Not everybody waits for it.
    this.#mending.done.promise.catch(() => {});
    this.#mending[wrong] = true;
    void this.recover(connection);
  }

  /** Once nothing is under way, what was wrong is put right, and all goes on in its order. */
  async recover(connection: RedisConnection): Promise<void> {
    const mending = this.#mending;
    if (!mending || this.events.isBusy() || this.currentConnection() !== connection) return;
    try {
      if (mending.scripts) await connection.reload();
      if (mending.epoch) await this.events.enter(connection);
      if (this.#mending !== mending) return;
      this.#mending = undefined;
      mending.done.resolve();
      this.events.recovered();
    } catch (error) {
      connection.end(error as Error);
    }
  }

  /** The connection is gone: the next one begins with everything right. */
  down(): void {
    this.#mending?.done.reject(unavailable("Redis cannot be reached just now."));
    this.#mending = undefined;
  }
}
