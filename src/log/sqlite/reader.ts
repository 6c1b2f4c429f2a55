// Reads the database file as of the last commit, without waiting for the writer.
import type { Database } from "bun:sqlite";
import type { Data } from "../../protocol/data.ts";
import type { Publication } from "../../protocol/publication.ts";
import { type KeyRow, DATA_KINDS, type FileMeta, type PublicationRow, type RoomRow } from "./batch.ts";

import { ReadCache } from "./read-cache.ts";

type Row = PublicationRow;
/** The fields of a publication that trimming needs. */
export interface OldestRow {
  seq: number;
  time: number;
  size: number;
}

const SELECT_ROOM = "SELECT id, name, last, floor, count, bytes, oldest, expires FROM rooms";
const WHERE_RANGE = "FROM publications WHERE room = ? AND seq > ? AND seq <= ? ORDER BY seq";

export class Reader {
  readonly cache = new ReadCache();

  constructor(readonly db: Database) {}

  meta(): FileMeta {
    const rows = this.db
      .query<{ name: keyof FileMeta; value: never }, []>("SELECT name, value FROM meta")
      .all();
    const meta: FileMeta = { epoch: "", reserved: 0, forgotten: 0, kinds: "" };
    for (const { name, value } of rows) meta[name] = value;
    return meta;
  }

  room(name: string): RoomRow | undefined {
    return this.db.query<RoomRow, [string]>(`${SELECT_ROOM} WHERE name = ?`).get(name) ?? undefined;
  }

  /** Returns rooms with ids greater than `id`, in order of their ids. */
  roomsAfter(id: number, limit: number): { id: number; name: string; count: number }[] {
    const query = "SELECT id, name, count FROM rooms WHERE id > ? ORDER BY id LIMIT ?";
    return this.db.query<{ id: number; name: string; count: number }, [number, number]>(query).all(id, limit);
  }

  /**
   * Returns rooms whose oldest publication has expired.
   * @param now ms since 1970
   */
  expired(now: number, limit: number): string[] {
    const query = "SELECT name FROM rooms WHERE expires <= ? ORDER BY expires LIMIT ?";
    return this.db
      .query<{ name: string }, [number, number]>(query)
      .all(now, limit)
      .map(({ name }) => name);
  }

  /** Returns the greatest room id ever used. */
  greatestId(): number {
    const query =
      "SELECT max((SELECT ifnull(max(id), 0) FROM rooms), (SELECT ifnull(max(room), 0) FROM publications)) AS id";
    return this.db.query<{ id: number }, []>(query).get()?.id ?? 0;
  }

  /** Returns a room's publications in (`after`, `upTo`], oldest first. */
  range(room: { id: number; name: string }, after: number, upTo: number, limit: number): Publication[] {
    return this.db
      .query<Row, [number, number, number, number]>(`SELECT * ${WHERE_RANGE} LIMIT ?`)
      .values(room.id, after, upTo, limit)
      .map((row) => publication(room.name, row as Row));
  }

  /** Returns the newest publications in a range, oldest first. */
  newest(room: { id: number; name: string }, after: number, upTo: number, limit: number): Publication[] {
    return this.db
      .query<Row, [number, number, number, number]>(`SELECT * ${WHERE_RANGE} DESC LIMIT ?`)
      .values(room.id, after, upTo, limit)
      .map((row) => publication(room.name, row as Row))
      .reverse();
  }

  /** Returns the oldest publications in a range, without their data. */
  oldest(id: number, after: number, upTo: number, limit: number): OldestRow[] {
    return this.db
      .query<OldestRow, [number, number, number, number]>(`SELECT seq, time, size ${WHERE_RANGE} LIMIT ?`)
      .all(id, after, upTo, limit);
  }

  /** Returns all idempotency keys, oldest first. */
  keys(): KeyRow[] {
    return this.db
      .query<KeyRow, []>("SELECT seq, key, prev, time FROM keys ORDER BY seq")
      .values() as KeyRow[];
  }
}

function publication(name: string, [, seq, prev, time, event, from, kind, data, size]: Row): Publication {
  return {
    room: name,
    event,
    data: dataOf(kind, data),
    ...(from === null ? {} : { from }),
    seq,
    prev,
    time,
    size,
  };
}

function dataOf(kind: number, value: string | Uint8Array): Data {
  const name = DATA_KINDS[kind];
  if (name === "binary") return { kind: name, bytes: value as Uint8Array };
  return { kind: name ?? "text", text: value as string };
}
