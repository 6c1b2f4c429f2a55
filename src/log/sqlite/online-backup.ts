// Copies the database file while a server writes to it.
import { Database } from "bun:sqlite";
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { newEpoch } from "../../protocol/cursor.ts";
import { openFile } from "./open-folder.ts";
import { createFile } from "./file-permissions.ts";
import { APPLICATION_ID, DATABASE_FILE, pragma, SCHEMA_VERSION } from "./database-schema.ts";
import { StoreError, storeError } from "./store-error.ts";

/** The size of a backup. */
export interface BackupResult {
  publications: number;
  bytes: number;
}

/**
 * Copies a data folder's database to a new file. The copy lacks later publications, so it gets a new epoch. Otherwise,
 * cursors from the original would appear valid.
 * @throws StoreError
 */
export function backUp(dir: string, to: string): BackupResult {
  if (existsSync(to))
    throw new StoreError("store-failed", to, "the file already exists: choose a different name");
  const part = `${to}.part`;
  const from = openFile(join(dir, DATABASE_FILE), false);
  try {
    rmSync(part, { force: true });
    createFile(part);
    from.run("VACUUM INTO ?", [part]);
    const backedUp = finish(part);
    renameSync(part, to);
    return backedUp;
  } catch (error) {
    rmSync(part, { force: true });
    throw storeError(error, to);
  } finally {
    from.close(true);
  }
}

/** Sets the copy's epoch and application id, and flushes the copy to disk. */
function finish(path: string): BackupResult {
  const copy = new Database(path, { readwrite: true });
  try {
    copy.run("UPDATE meta SET value = ? WHERE name = 'epoch'", [newEpoch()]);
    copy.run(`PRAGMA application_id = ${APPLICATION_ID}`);
    copy.run(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    const { count } = copy
      .query<{ count: number }, []>("SELECT count(*) AS count FROM publications")
      .get() ?? {
      count: 0,
    };
    const bytes = pragma(copy, "page_count") * pragma(copy, "page_size");
    return { publications: count, bytes };
  } finally {
    copy.close(true);
    const file = openSync(path, "r+");
    fsyncSync(file);
    closeSync(file);
  }
}
