// Things in the order in which they were last used. Pure. (A Map that is deleted from and added to again grows slow.)

/** What can stand in the order: its neighbours are the order's business. */
export interface LruItem<T> {
  older?: T | undefined;
  newer?: T | undefined;
}

export class LruList<T extends LruItem<T>> {
  #oldest: T | undefined;
  #newest: T | undefined;

  /** It was used just now. */
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

  /** Those that were used longest ago first. What was handed out last may be removed meanwhile. */
  *[Symbol.iterator](): Iterator<T> {
    let item = this.#oldest;
    while (item) {
      const next: T | undefined = item.newer;
      yield item;
      item = next;
    }
  }
}
