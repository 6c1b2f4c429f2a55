// Permissions of the files in a data folder: for the owner only, whatever the umask. They contain messages and user
// names.
import { chmodSync, closeSync, mkdirSync, openSync, statSync } from "node:fs";

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
/** The permissions of everyone except the owner. */
const OTHERS_MASK = 0o077;

/** Creates a folder, and those above it that are missing. A folder that exists keeps its mode. */
export function createFolder(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: FOLDER_MODE });
}

/**
 * Creates an empty file, which SQLite takes as a new database. Its `-wal`, `-shm` and `-journal` get the mode of the
 * database. An existing file is not opened: closing it would release the locks that this process holds on it.
 */
export function createFile(path: string): void {
  try {
    closeSync(openSync(path, "wx", FILE_MODE));
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
  }
}

/** Removes the permissions of everyone except the owner. Earlier versions created files with a wider mode. */
export function makePrivate(path: string): void {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode;
  if (mode === undefined || (mode & OTHERS_MASK) === 0) return;
  try {
    chmodSync(path, mode & 0o777 & ~OTHERS_MASK);
  } catch {
    // Another user owns the file, or the file system is read-only. The folder's permissions still apply.
  }
}
