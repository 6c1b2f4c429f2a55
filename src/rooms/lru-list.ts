// Items ordered by last use: a doubly linked list. Pure. (A Map with repeated deletes and inserts gets slow.)

/** An item of the list. The list sets the links. */
export interface LruItem<T> {
  older?: T | undefined;
  newer?: T | undefined;
}

export class LruList<T extends LruItem<T>> {
  #oldest: T | undefined;
  #newest: T | undefined;

  /** Moves an item to the newest end, or adds it. */
  touch(item: T): void {
    if (item === this.#newest) return;
    this.remove(item);
    item.older = this.#newest;
    if (this.#newest) this.#newest.newer = item;
    else this.#oldest = item;
    this.#newest = item;
  }

  remove(item: T): void {
    const { older, newer } = item;
    if (older) older.newer = newer;
    else if (item === this.#oldest) this.#oldest = newer;
    if (newer) newer.older = older;
    else if (item === this.#newest) this.#newest = older;
    item.older = undefined;
    item.newer = undefined;
  }

  /** Iterates from the least recently used item. The item last returned may be removed during the iteration. */
  *[Symbol.iterator](): Iterator<T> {
    let item = this.#oldest;
    while (item) {
      const next: T | undefined = item.newer;
      yield item;
      item = next;
    }
  }
}
