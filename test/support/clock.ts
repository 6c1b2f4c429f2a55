// A clock for rate limits that only the test advances.
import type { TestServer } from "./server.ts";

export class Clock {
  #now = 1000;

  /** @param server uses this clock from now on */
  constructor({ thump }: TestServer) {
    thump.service.limiter.now = () => this.#now;
  }

  /** Advances the clock by this number of ms. */
  pass(ms: number): void {
    this.#now += ms;
  }
}
