// A copy of the file, while a server writes to it.
import { Database } from "bun:sqlite";
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { newEpoch } from "../../protocol/cursor.ts";
import { openFile } from "./open-folder.ts";
import { createFile } from "./file-permissions.ts";
import { APPLICATION_ID, FILE, pragma, VERSION } from "./database-schema.ts";
import { StoreError, storeError } from "./store-error.ts";

/** What a backup holds. */
export interface BackupResult {
  publications: number;
  bytes: number;
}

/**
 * Copies what is kept in a folder to a file that must not be there yet. The copy has an epoch of its own: what is
 * published after it is not in it, so cursors of the original must not seem to fit.
 * @throws StoreError
 */
export function backUp(dir: string, to: string): BackupResult {
  if (existsSync(to)) throw new StoreError("store-failed", to, "it is there already: choose another name");
  const part = `${to}.part`;
  const from = openFile(join(dir, FILE), false);
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

/** The copy is complete, says whose it is, and is on the disk. */
function finish(path: string): BackupResult {
  const copy = new Database(path, { readwrite: true });
  try {
    copy.run("UPDATE meta SET value = ? WHERE name = 'epoch'", [newEpoch()]);
    copy.run(`PRAGMA application_id = ${APPLICATION_ID}`);
    copy.run(`PRAGMA user_version = ${VERSION}`);
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
