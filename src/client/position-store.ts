// Positions that outlive the page: in sessionStorage, or anything like it.

/** As much of a Web Storage as is needed. */
export interface Storage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** Does something with the storage, if there is one. Undefined where that cannot be. */
export function withStorage<T>(storage: Storage | undefined, run: (storage: Storage) => T): T | undefined {
  try {
    return storage && run(storage);
  } catch {
    // A browser may deny its storage, or it is full: then the next page begins anew, as it would have without.
    return undefined;
  }
}
