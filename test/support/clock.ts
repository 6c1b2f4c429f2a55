// A clock for limits: it stands still until a test moves it.
import type { TestServer } from "./server.ts";

export class Clock {
  #now = 1000;

  /** @param server takes its time from this clock from now on */
  constructor({ thump }: TestServer) {
    thump.service.limiter.now = () => this.#now;
  }

  /** Lets so many ms pass. */
  pass(ms: number): void {
    this.#now += ms;
  }
}
