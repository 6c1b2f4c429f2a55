// One who publishes numbers whatever happens, each again until it is acknowledged; and who listened has all of them.
import { expect } from "bun:test";
import { problemOf } from "../support/answers.ts";
import { cleanup } from "../support/cleanup.ts";
import { type TestNode, until } from "../support/nodes.ts";
import type { OpenStream } from "../support/streams.ts";

export class Steady {
  /** So many were acknowledged. */
  acked = 0;
  /** What was said when one was not taken. */
  readonly refusals: string[] = [];
  #done = false;
  readonly #running: Promise<void>;

  constructor(
    readonly node: TestNode,
    readonly room: string,
  ) {
    this.#running = this.#run();
    // Whoever waits for more of them is told.
    this.#running.catch(() => {});
    cleanup(() => this.stop());
  }

  /** Resolves once so many more were acknowledged. */
  async more(count: number): Promise<void> {
    const wanted = this.acked + count;
    await Promise.race([until(() => this.acked >= wanted), this.#running]);
  }

  /** Resolves with how many there are, once the last is acknowledged. */
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
      // Sooner than it is asked to: the test is to be short.
      await Bun.sleep(20);
    }
  }
}

/** All numbers up to this one came, each once and in order, and nothing was said to be missing. */
export async function hasAllOf(listener: OpenStream, count: number): Promise<void> {
  const { events } = listener;
  await events.until((all) =>
    all.some(({ data, event }) => data === String(count - 1) || event !== undefined),
  );
  expect(events.all.map(({ event, data }) => event ?? Number(data))).toEqual([...Array(count).keys()]);
}
