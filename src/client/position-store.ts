// Storage of positions across page loads, in `sessionStorage` or an equivalent.

/** The part of Web Storage (WHATWG HTML §12.2) that the client uses. */
export interface Storage {
  /** Returns the value of a key, or null. */
  getItem(key: string): string | null;
  /** Sets the value of a key. */
  setItem(key: string, value: string): void;
  /** Removes a key. */
  removeItem(key: string): void;
}

/** Runs a function with the storage. Returns undefined if there is no storage, or if the function throws. */
export function withStorage<T>(storage: Storage | undefined, run: (storage: Storage) => T): T | undefined {
  try {
    return storage && run(storage);
  } catch {
    // Access to storage may be denied, or storage may be full. The next page then starts as it would without storage.
    return undefined;
  }
}
