// Publishes numbers, retries each until it is acknowledged, and checks that a subscriber has received all of them.
import { expect } from "bun:test";
import { problemOf } from "../support/answers.ts";
import { cleanup } from "../support/cleanup.ts";
import { type TestNode, until } from "../support/nodes.ts";
import type { OpenStream } from "../support/streams.ts";

export class SteadyPublisher {
  /** Number of acknowledged publications. */
  acked = 0;
  /** The error messages of refused publications. */
  readonly refusals: string[] = [];
  #done = false;
  readonly #running: Promise<void>;

  constructor(
    readonly node: TestNode,
    readonly room: string,
  ) {
    this.#running = this.#run();
    // Callers of `more` receive the error.
    this.#running.catch(() => {});
    cleanup(() => this.stop());
  }

  /** Resolves when `count` further publications have been acknowledged. */
  async more(count: number): Promise<void> {
    const wanted = this.acked + count;
    await Promise.race([until(() => this.acked >= wanted), this.#running]);
  }

  /** Stops publishing. Resolves with the total number once the last publication is acknowledged. */
  async stop(): Promise<number> {
    this.#done = true;
    await this.#running;
    return this.acked;
  }

  async #run(): Promise<void> {
    while (!this.#done) {
      const key = { "idempotency-key": `${this.room} ${this.acked}` };
      const response = await this.node.publish(this.room, String(this.acked), key);
      if (response.status === 201) {
        this.acked++;
        continue;
      }
      const { status, code, detail } = await problemOf(response);
      expect([status, code]).toEqual([503, "unavailable"]);
      this.refusals.push(detail);
      // Retries sooner than the server requests, to keep the test short.
      await Bun.sleep(20);
    }
  }
}

/** Checks that all numbers up to `count` arrived once, in order, without a gap notice. */
export async function hasAllOf(listener: OpenStream, count: number): Promise<void> {
  const { events } = listener;
  await events.until((all) =>
    all.some(({ data, event }) => data === String(count - 1) || event !== undefined),
  );
  expect(events.all.map(({ event, data }) => event ?? Number(data))).toEqual([...Array(count).keys()]);
}
