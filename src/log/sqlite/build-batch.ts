// Builds the batch of a transaction: numbers the publications, and collects the changes of their rooms.
import type { Publication } from "../../protocol/publication.ts";
import { type WriteBatch, DATA_KINDS, type FileMeta, type PublicationRow } from "./batch.ts";
import type { PendingPublication } from "./pending-publication.ts";
import type { StoredRoom } from "./stored-room.ts";

/** The content of a batch other than publications. */
export interface BatchExtras {
  changed: Iterable<StoredRoom>;
  keysUpTo: number;
  drops: StoredRoom[];
  meta: Partial<FileMeta>;
}

/** @param first the number for the first entry that has none; further entries get consecutive numbers */
export function buildBatch(
  entries: readonly PendingPublication[],
  first: number,
  extras: BatchExtras,
): WriteBatch {
  const added = new Map<StoredRoom, Publication[]>();
  const dropped = new Set(extras.drops);
  for (const room of extras.changed) if (!dropped.has(room)) added.set(room, []);
  const publications: PublicationRow[] = [];
  const keys: WriteBatch["keys"] = [];
  let seq = first;
  for (const entry of entries) {
    const { room, key, hash } = entry;
    if (!room || room.isDropped) {
      // The in-memory log assigns this number after the commit.
      if (!entry.delivered) seq++;
      continue;
    }
    const others = added.get(room) ?? [];
    added.set(room, others);
    const publication = entry.number(seq, others.at(-1)?.seq ?? room.last);
    if (publication.seq === seq) seq++;
    // The room already includes publications that were delivered immediately, and may have trimmed them since.
    if (!entry.delivered) others.push(publication);
    if (!entry.delivered || publication.seq > room.floor) publications.push(row(room.id, publication));
    if (key !== undefined)
      keys.push([publication.seq, `${key}\n${hash}`, publication.prev, publication.time]);
  }
  const rooms = [...added].map(([room, others]) => room.change(others));
  const { keysUpTo, meta } = extras;
  const drops = extras.drops.map(({ id }) => id);
  return { publications, rooms, keys, keysUpTo, drops, meta };
}

function row(room: number, { seq, prev, time, event, from, data, size }: Publication): PublicationRow {
  const value = data.kind === "binary" ? data.bytes : data.text;
  return [room, seq, prev, time, event, from ?? null, DATA_KINDS.indexOf(data.kind), value, size];
}
