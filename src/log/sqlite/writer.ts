// The only writer of the database file. Runs one transaction per batch, and small cleanup steps between batches.
import type { Database, Statement } from "bun:sqlite";
import type { WriteBatch, KeyRow, PublicationRow, RoomChange } from "./batch.ts";
import { type Durability, pragma } from "./database-schema.ts";

/** The maximum number of publications deleted per transaction. */
const DELETES_PER_STEP = 1000;
/** The number of rooms per step of the startup walk. */
const ROOMS_PER_WALK_STEP = 200;
/** Free pages are returned to the operating system if they exceed both this number and an eighth of the file. */
const MIN_FREE_PAGES = 256;
/** The number of free pages returned per step. */
const PAGES_PER_VACUUM = 64;
/** The space that must be available before publications are accepted again, in bytes. */
const PROBE_BYTES = 64 << 10;
/** The size, in bytes, to which a larger write-ahead log is truncated. */
const MAX_JOURNAL_BYTES = 64 << 20;

export class Writer {
  /** The number of publications deleted. */
  trimmed = 0;
  /** Rooms with more deletions than fit into one step, with the seq up to which to delete. */
  readonly #garbage = new Map<number, number>();
  /** The position of the startup walk, which finds deletions that an earlier process did not complete. */
  #walked: number | undefined = -1;
  readonly #insert: Statement<unknown, PublicationRow>;
  readonly #room: Statement<unknown, (number | string)[]>;
  readonly #key: Statement<unknown, KeyRow>;
  readonly #delete: Statement<unknown, [number, number]>;

  /** @param size the maximum size of the file, in bytes */
  constructor(
    readonly db: Database,
    durability: Durability,
    size = Number.POSITIVE_INFINITY,
  ) {
    db.run(`PRAGMA synchronous = ${durability === "fsync" ? "FULL" : "NORMAL"}`);
    db.run(`PRAGMA journal_size_limit = ${MAX_JOURNAL_BYTES}`);
    if (Number.isFinite(size)) {
      const pages = Math.max(pragma(db, "page_count"), Math.floor(size / pragma(db, "page_size")));
      db.run(`PRAGMA max_page_count = ${pages}`);
    }
    this.#insert = db.prepare("INSERT INTO publications VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    this.#room = db.prepare(
      `INSERT INTO rooms VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET last = excluded.last,
       floor = excluded.floor, count = excluded.count, bytes = excluded.bytes, oldest = excluded.oldest,
       expires = excluded.expires`,
    );
    this.#key = db.prepare("INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?)");
    this.#delete = db.prepare("DELETE FROM publications WHERE room = ? AND seq <= ?");
  }

  /**
   * Writes a batch atomically.
   * @throws SQLiteError
   */
  write(batch: WriteBatch): void {
    let trimmed = 0;
    this.#inTransaction(() => {
      for (const id of batch.drops) this.db.run("DELETE FROM rooms WHERE id = ?", [id]);
      for (const row of batch.publications) this.#insert.run(...row);
      for (const room of batch.rooms) trimmed += this.#change(room);
      for (const row of batch.keys) this.#key.run(...row);
      if (batch.keysUpTo > 0) this.db.run("DELETE FROM keys WHERE seq <= ?", [batch.keysUpTo]);
      for (const [name, value] of Object.entries(batch.meta))
        this.db.run("UPDATE meta SET value = ? WHERE name = ?", [value, name]);
    });
    this.trimmed += trimmed;
    // Done after the commit, because a failed batch must not delete anything.
    for (const { id, floor, gone } of batch.rooms) if (gone > DELETES_PER_STEP) this.#garbage.set(id, floor);
    for (const id of batch.drops) this.#garbage.set(id, Number.MAX_SAFE_INTEGER);
  }

  #change({ id, name, last, floor, count, bytes, oldest, expires, gone }: RoomChange): number {
    this.#room.run(id, name, last, floor, count, bytes, oldest, expires);
    return gone > 0 && gone <= DELETES_PER_STEP ? this.#delete.run(id, floor).changes : 0;
  }

  /**
   * Does one small cleanup step. Returns true if there is more to do.
   * @throws SQLiteError
   */
  tidy(): boolean {
    for (const [id, upTo] of this.#garbage) {
      if (this.#deleteSome(id, upTo)) this.#garbage.delete(id);
      return true;
    }
    if (this.#walked !== undefined) {
      this.#walk(this.#walked);
      return true;
    }
    const free = pragma(this.db, "freelist_count");
    if (free < MIN_FREE_PAGES || free * 8 < pragma(this.db, "page_count")) return false;
    this.db.run(`PRAGMA incremental_vacuum(${PAGES_PER_VACUUM})`);
    return true;
  }

  /** Frees space in the write-ahead log if possible. On a full disk, this may be the only space available. */
  checkpoint(): void {
    this.db.run("PRAGMA wal_checkpoint(RESTART)");
  }

  /**
   * Tests whether a publication would fit, because small changes may succeed even on a full disk.
   * @throws SQLiteError
   */
  probe(): void {
    this.db.run(`INSERT OR REPLACE INTO meta VALUES ('probe', zeroblob(${PROBE_BYTES}))`);
    this.db.run("DELETE FROM meta WHERE name = 'probe'");
  }

  close(): void {
    this.db.close(true);
  }

  /** Deletes some of the publications up to a seq. Returns true when all of them are deleted. */
  #deleteSome(id: number, upTo: number): boolean {
    const next = this.db
      .query<{ seq: number }, [number, number]>(
        `SELECT seq FROM publications WHERE room = ? AND seq <= ? ORDER BY seq LIMIT 1 OFFSET ${DELETES_PER_STEP}`,
      )
      .get(id, upTo);
    const { changes } = this.#delete.run(id, next ? next.seq - 1 : upTo);
    this.trimmed += changes;
    return next === null;
  }

  /** Finds publications at or below their room's floor, and publications of dropped rooms. */
  #walk(from: number): void {
    const step = this.db.query<{ room: number | null }, [number]>(
      "SELECT min(room) AS room FROM publications WHERE room > ?",
    );
    const floor = this.db.query<{ floor: number }, [number]>("SELECT floor FROM rooms WHERE id = ?");
    let id: number | null = from;
    for (let i = 0; i < ROOMS_PER_WALK_STEP; i++) {
      id = step.get(id)?.room ?? null;
      this.#walked = id ?? undefined;
      if (id === null) return;
      const known = floor.get(id);
      if (!this.#deleteSome(id, known?.floor ?? Number.MAX_SAFE_INTEGER))
        return void this.#garbage.set(id, known?.floor ?? Number.MAX_SAFE_INTEGER);
    }
  }

  #inTransaction(run: () => void): void {
    this.db.run("BEGIN IMMEDIATE");
    try {
      run();
      this.db.run("COMMIT");
    } catch (error) {
      // Some errors, such as a full disk, have already rolled the transaction back.
      if (this.db.inTransaction) this.db.run("ROLLBACK");
      throw error;
    }
  }
}
