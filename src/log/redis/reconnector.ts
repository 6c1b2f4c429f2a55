// Keeps a connection to Redis: makes one, and another when it breaks, at growing intervals.
import type { Address } from "./address.ts";
import { Finder } from "./find-primary.ts";
import { Link } from "./redis-connection.ts";
import type { RedisStats } from "./redis-stats.ts";

/** Between two attempts, in ms. */
const FIRST = 50;
const MOST = 2000;

export interface KeeperEvents {
  /** There is a connection. What it returns is part of making it: when that fails, so did the connection. */
  up(link: Link): Promise<void>;
  message(channel: string, message: Buffer): void;
  /** It broke, after it was up or before. */
  down(): void;
  /** Why there is none, once; and without a reason when there is one again. */
  fault(reason?: string): void;
}

export class Keeper {
  link: Link | undefined;
  /** Why there is none, or none that is ready. */
  fault: string | undefined = "Redis was not reached yet";
  #delay = FIRST;
  #timer: Timer | undefined;
  #closed = false;
  #told = false;
  readonly #finder: Finder;

  /** @param key one of the log's, wherever it is */
  constructor(
    readonly address: Address,
    key: string,
    readonly stats: RedisStats,
    readonly patience: number,
    readonly events: KeeperEvents,
  ) {
    this.#finder = new Finder(address, key);
    void this.#connect();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.link?.end(new Error("the log was closed"));
  }

  async #connect(): Promise<void> {
    let own: Link | undefined;
    try {
      const link = await Link.open(this.#finder, this.patience, {
        message: (channel, message) => this.events.message(channel, message),
        down: (reason) => this.#down(own, reason),
      });
      own = link;
      if (this.#closed) return link.end(new Error("the log was closed"));
      this.stats.connects++;
      this.link = link;
      await this.events.up(link);
      if (this.link !== link) return;
      if (this.#told) this.events.fault();
      this.#told = false;
      this.fault = undefined;
      this.#delay = FIRST;
    } catch (error) {
      if (own) own.end(error as Error);
      else this.#again(error as Error);
    }
  }

  #down(link: Link | undefined, reason: Error): void {
    if (!link || this.link !== link) return;
    this.stats.breaks++;
    this.stats.commandsBefore += link.sent;
    this.link = undefined;
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
    this.#delay = Math.min(MOST, this.#delay * 2);
  }
}
