// What can be wrong with the file or its folder: a stable code, what it is and what to do.

export type StoreCode =
  | "store-locked" // another server has it
  | "store-read-only"
  | "store-full"
  | "store-foreign" // not a file of Thump's
  | "store-newer" // of a version that this one does not know
  | "store-damaged"
  | "store-missing"
  | "store-failed"; // anything else that the system says

/** An error of the file. */
export class StoreError extends Error {
  override readonly name = "StoreError";

  /** @param what is wrong, in words that do not name a place on this machine */
  constructor(
    readonly code: StoreCode,
    path: string,
    readonly what: string,
  ) {
    super(`${path}: ${what} (${code})`);
  }
}

const CODES: [prefix: string, code: StoreCode, what: string][] = [
  ["SQLITE_FULL", "store-full", "the disk is full"],
  ["ENOSPC", "store-full", "the disk is full"],
  ["SQLITE_READONLY", "store-read-only", "it may not be written to"],
  ["SQLITE_CANTOPEN", "store-read-only", "it cannot be opened for writing"],
  ["SQLITE_PERM", "store-read-only", "it may not be written to"],
  ["EACCES", "store-read-only", "it may not be written to"],
  ["EROFS", "store-read-only", "it may not be written to"],
  ["EPERM", "store-read-only", "it may not be written to"],
  ["SQLITE_NOTADB", "store-foreign", "it is not a database of Thump's"],
  ["SQLITE_CORRUPT", "store-damaged", "part of it is damaged: restore a backup"],
  ["SQLITE_BUSY", "store-locked", "another program is writing to it"],
];

/** Names what the system or SQLite says of a file. */
export function storeError(error: unknown, path: string): StoreError {
  if (error instanceof StoreError) return error;
  const { code = "", message } = error as { code?: string; message: string };
  const [, known, what] = CODES.find(([prefix]) => code.startsWith(prefix)) ?? [];
  return new StoreError(known ?? "store-failed", path, what ?? `${message} ${code}`.trim());
}
