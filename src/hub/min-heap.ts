// A binary min-heap of items, ordered by `next`: a seq in a k-way merge, or a due time. Pure.

export interface HeapItem {
  /** The number to order by. In a merge, a lower bound for the seq of the item's next publication. */
  next: number;
}

export class MinHeap<T extends HeapItem> {
  readonly #items: T[];
  /** The number of comparisons made. */
  comparisons = 0;

  /** @param items becomes the heap's storage: do not modify the array afterwards */
  constructor(items: T[]) {
    this.#items = items;
    for (let at = (items.length >>> 1) - 1; at >= 0; at--) this.#sink(at);
  }

  get size(): number {
    return this.#items.length;
  }

  /** The item with the smallest `next`. */
  get first(): T | undefined {
    return this.#items[0];
  }

  /** Adds an item in O(log size). */
  add(item: T): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = items[parent] as T;
      if (above.next <= item.next) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  /** Restores the order in O(log size) after the first item's `next` has increased. */
  advanced(): void {
    this.#sink(0);
  }

  /** Removes the first item in O(log size). */
  removeFirst(): void {
    const last = this.#items.pop();
    if (!last || this.#items.length === 0) return;
    this.#items[0] = last;
    this.#sink(0);
  }

  #sink(from: number): void {
    const items = this.#items;
    const { length } = items;
    const item = items[from] as T;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      this.comparisons++;
      if (child + 1 < length && (items[child + 1] as T).next < (items[child] as T).next) child++;
      const smaller = items[child] as T;
      if (smaller.next >= item.next) break;
      items[at] = smaller;
      at = child;
    }
    items[at] = item;
  }
}
