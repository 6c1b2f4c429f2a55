// Keeps a connection to Redis: makes one, and another when it breaks, at growing intervals.
import type { RedisAddress } from "./address.ts";
import { PrimaryFinder } from "./find-primary.ts";
import { RedisConnection } from "./redis-connection.ts";
import type { RedisStats } from "./redis-stats.ts";

/** Between two attempts, in ms. */
const MIN_DELAY_MS = 50;
const MAX_DELAY_MS = 2000;

export interface ReconnectorEvents {
  /** There is a connection. What it returns is part of making it: when that fails, so did the connection. */
  up(connection: RedisConnection): Promise<void>;
  message(channel: string, message: Buffer): void;
  /** It broke, after it was up or before. */
  down(): void;
  /** Why there is none, once; and without a reason when there is one again. */
  fault(reason?: string): void;
}

export class Reconnector {
  connection: RedisConnection | undefined;
  /** Why there is none, or none that is ready. */
  fault: string | undefined = "Redis was not reached yet";
  #delay = MIN_DELAY_MS;
  #timer: Timer | undefined;
  #closed = false;
  #told = false;
  readonly #primaryFinder: PrimaryFinder;

  /** @param key one of the log's, wherever it is */
  constructor(
    readonly address: RedisAddress,
    key: string,
    readonly stats: RedisStats,
    readonly patience: number,
    readonly events: ReconnectorEvents,
  ) {
    this.#primaryFinder = new PrimaryFinder(address, key);
    void this.#connect();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.connection?.end(new Error("the log was closed"));
  }

  async #connect(): Promise<void> {
    let own: RedisConnection | undefined;
    try {
      const connection = await RedisConnection.open(this.#primaryFinder, this.patience, {
        message: (channel, message) => this.events.message(channel, message),
        down: (reason) => this.#down(own, reason),
      });
      own = connection;
      if (this.#closed) return connection.end(new Error("the log was closed"));
      this.stats.connects++;
      this.connection = connection;
      await this.events.up(connection);
      if (this.connection !== connection) return;
      if (this.#told) this.events.fault();
      this.#told = false;
      this.fault = undefined;
      this.#delay = MIN_DELAY_MS;
    } catch (error) {
      if (own) own.end(error as Error);
      else this.#again(error as Error);
    }
  }

  #down(connection: RedisConnection | undefined, reason: Error): void {
    if (!connection || this.connection !== connection) return;
    this.stats.breaks++;
    this.stats.commandsBefore += connection.sent;
    this.connection = undefined;
    this.events.down();
    this.#again(reason);
  }

  #again({ message }: Error): void {
    this.fault = `Redis at ${this.address.text} cannot be used: ${message}`;
    if (this.#closed) return;
    if (!this.#told) this.events.fault(this.fault);
    this.#told = true;
    // Spread: many nodes have lost the same server at the same moment.
    this.#timer = setTimeout(() => void this.#connect(), this.#delay * (0.5 + Math.random()));
    this.#timer.unref();
    this.#delay = Math.min(MAX_DELAY_MS, this.#delay * 2);
  }
}
