// Reads from a log that is elsewhere: a bounded number of them is under way at a time, the others wait in order.

export class BoundedReads {
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** @param max how many are under way at a time */
  constructor(public max: number) {}

  /** Runs a read at once if it can be: where the log answers at once, so does this. */
  run<T>(read: () => T | Promise<T>): T | Promise<T> {
    if (this.#running < this.max) return this.#start(read);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    return promise.then(() => this.#start(read));
  }

  #start<T>(read: () => T | Promise<T>): T | Promise<T> {
    this.#running++;
    let result: T | Promise<T> | undefined;
    try {
      result = read();
    } finally {
      if (!(result instanceof Promise)) this.#ended();
    }
    return result instanceof Promise ? result.finally(() => this.#ended()) : result;
  }

  #ended(): void {
    this.#running--;
    this.#waiting.shift()?.();
  }
}
