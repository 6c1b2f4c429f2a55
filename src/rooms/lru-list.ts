// A list of items ordered by last use. Doubly linked, because a Map with repeated deletes and inserts gets slow. Pure.

/** An item in the list. The list sets the links. */
export interface LruItem<T> {
  older?: T | undefined;
  newer?: T | undefined;
}

export class LruList<T extends LruItem<T>> {
  #oldest: T | undefined;
  #newest: T | undefined;

  /** Moves an item to the most recent end. Adds the item if it is not in the list. */
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

  /** Iterates from the least recently used item. The current item may be removed during the iteration. */
  *[Symbol.iterator](): Iterator<T> {
    let item = this.#oldest;
    while (item) {
      const next: T | undefined = item.newer;
      yield item;
      item = next;
    }
  }
}
