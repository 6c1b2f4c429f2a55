// Data folder errors: a stable code, and a message that states the fault and the remedy.

/** Data folder error codes. */
export type StoreCode =
  | "store-locked" // another server uses the folder
  | "store-read-only"
  | "store-full"
  | "store-foreign" // not a Thump database
  | "store-newer" // written by a newer version
  | "store-damaged"
  | "store-missing"
  | "store-failed"; // any other operating system error

/** A data folder error. */
export class StoreError extends Error {
  /** Always "StoreError". */
  override readonly name = "StoreError";

  /** @param what the fault, without local paths */
  constructor(
    /** A stable code. */
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
  ["SQLITE_READONLY", "store-read-only", "the file is not writable"],
  ["SQLITE_CANTOPEN", "store-read-only", "the file cannot be opened for writing"],
  ["SQLITE_PERM", "store-read-only", "the file is not writable"],
  ["EACCES", "store-read-only", "the file is not writable"],
  ["EROFS", "store-read-only", "the file is not writable"],
  ["EPERM", "store-read-only", "the file is not writable"],
  ["SQLITE_NOTADB", "store-foreign", "not a Thump database"],
  ["SQLITE_CORRUPT", "store-damaged", "the file is damaged: restore a backup"],
  ["SQLITE_BUSY", "store-locked", "another program is writing to the file"],
];

/** Converts an error from SQLite or the operating system. */
export function storeError(error: unknown, path: string): StoreError {
  if (error instanceof StoreError) return error;
  const { code = "", message } = error as { code?: string; message: string };
  const [, known, what] = CODES.find(([prefix]) => code.startsWith(prefix)) ?? [];
  return new StoreError(known ?? "store-failed", path, what ?? `${message} ${code}`.trim());
}
