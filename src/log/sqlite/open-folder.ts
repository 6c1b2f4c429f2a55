// Opens a data folder: takes its lock, makes the file or checks that it is one of ours.
import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { newEpoch } from "../../protocol/cursor.ts";
import { createFile, createFolder, makePrivate } from "./file-permissions.ts";
import { APPLICATION_ID, createTables, FILE, LOCK, pragma, VERSION } from "./database-schema.ts";
import { StoreError, storeError } from "./store-error.ts";

/** How long to wait for a server that is about to let go of the lock, in ms. */
const LOCK_TIMEOUT_MS = 250;

/** A folder that is ours until `release`. */
export interface OpenFolder {
  path: string;
  /** For reading alone. To be closed before the one that writes: the last one to go tidies up. */
  db: Database;
  release(): void;
}

/** @throws StoreError when the folder or the file cannot be used; nothing in it has been changed then */
export function openFolder(dir: string): OpenFolder {
  const path = join(dir, FILE);
  let lock: Database | undefined;
  let db: Database | undefined;
  try {
    createFolder(dir);
    lock = takeLock(join(dir, LOCK));
    db = openFile(path, true);
    db.run("PRAGMA query_only = ON");
  } catch (error) {
    db?.close(true);
    lock?.close(true);
    throw storeError(error, path);
  }
  const held = lock;
  return { path, db, release: () => held.close(true) };
}

/** @throws StoreError when the file cannot be used */
export function openFile(path: string, create: boolean): Database {
  if (!create && !existsSync(path)) throw new StoreError("store-missing", path, "there is no such file");
  if (create) createFile(path);
  const db = new Database(path, { readwrite: true, create, strict: true });
  try {
    checkFile(db, path, create);
    return db;
  } catch (error) {
    db.close(true);
    throw storeError(error, path);
  }
}

function checkFile(db: Database, path: string, create: boolean): void {
  db.run("PRAGMA busy_timeout = 5000");
  const ours = pragma(db, "application_id") === APPLICATION_ID;
  const empty = db.query("SELECT 1 FROM sqlite_schema LIMIT 1").get() === null;
  if (!ours && empty && create) createTables(db, newEpoch());
  else if (!ours) throw new StoreError("store-foreign", path, "it is not a database of Thump's");
  const version = pragma(db, "user_version");
  if (version > VERSION) {
    throw new StoreError(
      "store-newer",
      path,
      `it is of version ${version}, and this server knows versions up to ${VERSION}. Use a newer Thump`,
    );
  }
  // A file that may only be read opens all the same: only this tells.
  db.run("BEGIN IMMEDIATE");
  db.run("ROLLBACK");
  if (!create) return;
  for (const file of [path, `${path}-wal`, `${path}-shm`]) makePrivate(file);
  // A backup is not in this mode yet.
  db.run("PRAGMA journal_mode = WAL");
}

/**
 * An empty database that is locked for writing; the system releases the lock however the process ends. Only the owner
 * can open the file: with read permission alone, another local user could hold a lock that keeps the server out.
 */
function takeLock(path: string): Database {
  createFile(path);
  for (const file of [path, `${path}-journal`]) makePrivate(file);
  const lock = new Database(path, { readwrite: true, create: true });
  try {
    lock.run(`PRAGMA busy_timeout = ${LOCK_TIMEOUT_MS}`);
    lock.run("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close(true);
    const { code = "" } = error as { code?: string };
    if (!code.startsWith("SQLITE_BUSY")) throw error;
    throw new StoreError("store-locked", path, "another server is using this folder. Give each its own");
  }
}
