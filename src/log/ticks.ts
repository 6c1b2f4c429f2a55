// Spreads long pieces of work over event-loop ticks.

/** Hands out event-loop ticks: of all that wait, one continues per tick, in the order in which they came. */
export class Ticks {
  #last: Promise<unknown> = Promise.resolve();

  next(): Promise<unknown> {
    return (this.#last = this.#last.then(() => new Promise(setImmediate)));
  }
}
