// Positions that outlive the page: in sessionStorage, or anything like it.

/** As much of a Web Storage as is needed. */
export interface Storage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export class Store {
  /** @param prefix tells servers apart */
  constructor(
    readonly storage: Storage | undefined,
    readonly prefix: string,
  ) {}

  /** The cursor that was kept for a room. */
  load(room: string): string | null | undefined {
    return this.#try((storage, key) => storage.getItem(key), room);
  }

  /** Keeps a cursor, or forgets the room. */
  save(room: string, at: string | undefined): void {
    this.#try(
      (storage, key) => (at === undefined ? storage.removeItem(key) : storage.setItem(key, at)),
      room,
    );
  }

  #try<T>(run: (storage: Storage, key: string) => T, room: string): T | undefined {
    try {
      return this.storage && run(this.storage, this.prefix + room);
    } catch {
      // A browser may deny its storage, or it is full: then the next page begins anew, as it would have without.
      return undefined;
    }
  }
}
