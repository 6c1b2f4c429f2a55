// Maintains a connection to Redis: when it breaks, opens a new one with exponential backoff.
import type { RedisAddress } from "./address.ts";
import { PrimaryFinder } from "./find-primary.ts";
import { RedisConnection } from "./redis-connection.ts";
import type { RedisStats } from "./redis-stats.ts";

/** The minimum delay between attempts, in ms. */
const MIN_DELAY_MS = 50;
const MAX_DELAY_MS = 2000;

export interface ReconnectorEvents {
  /** Called when a connection has been opened. If the promise rejects, the connection has failed. */
  up(connection: RedisConnection): Promise<void>;
  message(channel: string, message: Buffer): void;
  /** Called when the connection has broken, before or after `up` resolved. */
  down(): void;
  /** Called once with the reason when Redis becomes unusable, and without a reason when Redis is usable again. */
  fault(reason?: string): void;
}

export class Reconnector {
  connection: RedisConnection | undefined;
  /** The reason why no connection is ready. */
  fault: string | undefined = "not connected to Redis yet";
  #delay = MIN_DELAY_MS;
  #timer: Timer | undefined;
  #closed = false;
  #faultReported = false;
  readonly #primaryFinder: PrimaryFinder;

  /** @param key any key of the log */
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
      if (this.#faultReported) this.events.fault();
      this.#faultReported = false;
      this.fault = undefined;
      this.#delay = MIN_DELAY_MS;
    } catch (error) {
      if (own) own.end(error as Error);
      else this.#retry(error as Error);
    }
  }

  #down(connection: RedisConnection | undefined, reason: Error): void {
    if (!connection || this.connection !== connection) return;
    this.stats.breaks++;
    this.stats.commandsBefore += connection.sent;
    this.connection = undefined;
    this.events.down();
    this.#retry(reason);
  }

  #retry({ message }: Error): void {
    this.fault = `Redis at ${this.address.text} cannot be used: ${message}`;
    if (this.#closed) return;
    if (!this.#faultReported) this.events.fault(this.fault);
    this.#faultReported = true;
    // Randomized, because many nodes lose the same server at the same time.
    this.#timer = setTimeout(() => void this.#connect(), this.#delay * (0.5 + Math.random()));
    this.#timer.unref();
    this.#delay = Math.min(MAX_DELAY_MS, this.#delay * 2);
  }
}
