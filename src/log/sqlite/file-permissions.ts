// File permissions in a data folder. Only the owner has access, regardless of the umask, because the files contain
// messages and user names.
import { chmodSync, closeSync, mkdirSync, openSync, statSync } from "node:fs";

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
/** The permission bits of everyone except the owner. */
const OTHERS_MASK = 0o077;

/** Creates a folder and any missing parent folders. An existing folder keeps its mode. */
export function createFolder(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: FOLDER_MODE });
}

/**
 * Creates an empty file, which SQLite treats as a new database. The `-wal`, `-shm` and `-journal` files get the
 * database's mode. An existing file is not opened, because closing it would release the locks that this process holds
 * on the file.
 */
export function createFile(path: string): void {
  try {
    closeSync(openSync(path, "wx", FILE_MODE));
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
  }
}

/** Removes the permissions of everyone except the owner. Earlier versions created files with broader permissions. */
export function makePrivate(path: string): void {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode;
  if (mode === undefined || (mode & OTHERS_MASK) === 0) return;
  try {
    chmodSync(path, mode & 0o777 & ~OTHERS_MASK);
  } catch {
    // Another user owns the file, or the file system is read-only. The folder's permissions still protect the file.
  }
}
