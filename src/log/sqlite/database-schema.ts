// The file: its tables, and how every connection to it is set up.
import type { Database } from "bun:sqlite";

/** The names of the files in a data folder. */
export const FILE = "thump.db";
export const LOCK = "thump.lock";

/** Tells SQLite's own tools, and us, whose file it is: "THMP". */
export const APPLICATION_ID = 0x54484d50;
/** Of the tables below. A file of a greater one is not touched. */
export const VERSION = 1;

/** How much an acknowledgement promises: `fsync` outlives a power cut, `normal` a crash of the process. */
export type Durability = "fsync" | "normal";

/** Rooms lie apart in the order of their publications: a room is read, and trimmed, in one run. */
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

/** Makes an empty database ours. */
export function createTables(db: Database, epoch: string): void {
  // Before the first page is written; incremental: free pages can be given back a few at a time.
  db.run("PRAGMA auto_vacuum = INCREMENTAL");
  db.transaction(() => {
    db.run(TABLES);
    db.run("INSERT INTO meta VALUES ('epoch', ?), ('reserved', 1), ('forgotten', 0), ('kinds', '')", [epoch]);
    db.run(`PRAGMA application_id = ${APPLICATION_ID}`);
    db.run(`PRAGMA user_version = ${VERSION}`);
  }).immediate();
}

/** One number that a pragma tells. */
export function pragma(db: Database, name: string): number {
  const row = db.query<Record<string, number>, []>(`PRAGMA ${name}`).get();
  return Object.values(row ?? {})[0] ?? 0;
}
