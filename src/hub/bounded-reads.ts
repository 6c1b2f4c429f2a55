// Bounded reads: limits the number of concurrent reads from a log. Excess reads wait in order.

export class BoundedReads {
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** @param max the maximum number of concurrent reads */
  constructor(public max: number) {}

  /**
   * Runs a read, or queues it if `max` reads are already running. Returns a plain value instead of a promise if the
   * read starts immediately and returns a plain value.
   */
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
