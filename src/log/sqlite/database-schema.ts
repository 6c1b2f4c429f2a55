// The database file: its tables, and the settings of a connection.
import type { Database } from "bun:sqlite";

/** The names of the files in a data folder. */
export const DATABASE_FILE = "thump.db";
export const LOCK_FILE = "thump.lock";

/** Identifies the file as a Thump database to SQLite tools: "THMP". */
export const APPLICATION_ID = 0x54484d50;
/** The version of the tables below. Thump does not open files with a newer version. */
export const SCHEMA_VERSION = 1;

/**
 * The durability of acknowledged publications. With `fsync`, they survive a power failure. With `normal`, they survive
 * a crash of the process.
 */
export type Durability = "fsync" | "normal";

/** Publications are clustered by room, so that reading or trimming a room accesses consecutive pages. */
const TABLES = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
  CREATE TABLE rooms (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, last INTEGER NOT NULL, floor INTEGER NOT NULL,
    count INTEGER NOT NULL, bytes INTEGER NOT NULL, oldest INTEGER NOT NULL, expires INTEGER NOT NULL
  );
  CREATE INDEX rooms_by_expiry ON rooms (expires);
  CREATE TABLE publications (
    room INTEGER NOT NULL, seq INTEGER NOT NULL, prev INTEGER NOT NULL, time INTEGER NOT NULL,
    event TEXT NOT NULL, sender TEXT, kind INTEGER NOT NULL, data NOT NULL, size INTEGER NOT NULL,
    PRIMARY KEY (room, seq)
  ) WITHOUT ROWID;
  CREATE TABLE keys (seq INTEGER PRIMARY KEY, key TEXT NOT NULL, prev INTEGER NOT NULL, time INTEGER NOT NULL);
`;

/** Creates the tables in an empty database. */
export function createTables(db: Database, epoch: string): void {
  // Must be set before the first page is written. Incremental mode can return free pages a few at a time.
  db.run("PRAGMA auto_vacuum = INCREMENTAL");
  db.transaction(() => {
    db.run(TABLES);
    db.run("INSERT INTO meta VALUES ('epoch', ?), ('reserved', 1), ('forgotten', 0), ('kinds', '')", [epoch]);
    db.run(`PRAGMA application_id = ${APPLICATION_ID}`);
    db.run(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  }).immediate();
}

/** Returns the number that a pragma reports. */
export function pragma(db: Database, name: string): number {
  const row = db.query<Record<string, number>, []>(`PRAGMA ${name}`).get();
  return Object.values(row ?? {})[0] ?? 0;
}
