// Bounded queue between the reader and the sender: a slow server slows the reader down. Pure.

export class Queue<T> {
  #items: T[] = [];
  #ended = false;
  #error: unknown;
  #wakeProducer = () => {};
  #wakeConsumer = () => {};

  /** @param limit maximum number of queued items */
  constructor(readonly limit: number) {}

  /** Adds an item once there is room. Resolves with false if the queue has ended. */
  async push(item: T): Promise<boolean> {
    while (this.#items.length >= this.limit && !this.#ended)
      await new Promise<void>((resolve) => (this.#wakeProducer = resolve));
    if (this.#ended) return false;
    this.#items.push(item);
    this.#wakeConsumer();
    return true;
  }

  /** Ends the queue. Queued items can still be taken. After the last item, `take` throws `error` if there is one. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#wakeConsumer();
    this.#wakeProducer();
  }

  /** Waits until an item is queued, then takes up to `max` items. Returns an empty array at the end. */
  async take(max: number): Promise<T[]> {
    while (this.#items.length === 0 && !this.#ended)
      await new Promise<void>((resolve) => (this.#wakeConsumer = resolve));
    if (this.#items.length === 0 && this.#error !== undefined) throw this.#error;
    const taken = this.#items.splice(0, max);
    this.#wakeProducer();
    return taken;
  }
}
