// A first-in, first-out queue with constant cost per item. Its memory is bounded by the number of waiting items.

/** Slots of removed items are reclaimed once there are this many, and at least as many as waiting items. */
const MIN_RECLAIMED = 64;

export class Fifo<T> {
  /** Removed items, which are cleared, followed by the waiting ones. */
  #items: (T | undefined)[] = [];
  /** The index of the first waiting item. */
  #first = 0;

  /** The number of waiting items. */
  get size(): number {
    return this.#items.length - this.#first;
  }

  /** The number of array slots in use: at most twice the waiting items, plus a constant. */
  get slots(): number {
    return this.#items.length;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Removes and returns the first item; undefined if the queue is empty. */
  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const item = this.#items[this.#first];
    this.#items[this.#first++] = undefined;
    if (this.#first >= MIN_RECLAIMED && this.#first >= this.size) {
      this.#items.splice(0, this.#first);
      this.#first = 0;
    }
    return item;
  }
}
