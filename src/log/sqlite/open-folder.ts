// Opens a data folder: locks the folder, then creates the database or checks that it is a Thump database.
import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { newEpoch } from "../../protocol/cursor.ts";
import { createFile, createFolder, makePrivate } from "./file-permissions.ts";
import {
  APPLICATION_ID,
  createTables,
  DATABASE_FILE,
  LOCK_FILE,
  pragma,
  SCHEMA_VERSION,
} from "./database-schema.ts";
import { StoreError, storeError } from "./store-error.ts";

/** The time to wait for a stopping server to release the lock, in ms. */
const LOCK_TIMEOUT_MS = 250;

/** A folder that this process has locked until `release`. */
export interface OpenFolder {
  path: string;
  /**
   * A read-only connection. Close it before the writer's connection: the last connection to close cleans up the
   * write-ahead log.
   */
  db: Database;
  release(): void;
}

/**
 * Opens and locks a folder.
 * @throws StoreError if the folder or the file is unusable; in that case, the folder is unchanged
 */
export function openFolder(dir: string): OpenFolder {
  const path = join(dir, DATABASE_FILE);
  let lock: Database | undefined;
  let db: Database | undefined;
  try {
    createFolder(dir);
    lock = takeLock(join(dir, LOCK_FILE));
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

/**
 * Opens the database file.
 * @throws StoreError if the file is unusable
 */
export function openFile(path: string, create: boolean): Database {
  if (!create && !existsSync(path)) throw new StoreError("store-missing", path, "no such file");
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
  else if (!ours) throw new StoreError("store-foreign", path, "not a Thump database");
  const version = pragma(db, "user_version");
  if (version > SCHEMA_VERSION) {
    throw new StoreError(
      "store-newer",
      path,
      `the file has version ${version}; this server supports versions up to ${SCHEMA_VERSION}. Use a newer Thump`,
    );
  }
  // Opening a file without write permission succeeds. Only a transaction reveals the problem.
  db.run("BEGIN IMMEDIATE");
  db.run("ROLLBACK");
  if (!create) return;
  for (const file of [path, `${path}-wal`, `${path}-shm`]) makePrivate(file);
  // A restored backup is not in WAL mode yet.
  db.run("PRAGMA journal_mode = WAL");
}

/**
 * Takes a lock on an empty database. The operating system releases the lock no matter how the process ends. Only the
 * owner may open the file: with read permission, another local user could hold a lock and prevent the server from
 * starting.
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
    throw new StoreError(
      "store-locked",
      path,
      "another server is using this folder. Use a separate folder per server",
    );
  }
}
