// What was read from the file last, of a few rooms: a catch-up takes a little of it a turn, and many may be at the same
// place after a restart.
import type { Publication, Slice } from "../../protocol/publication.ts";

/** So many rooms. Each has what is read at once, about a MiB at most. */
const MAX_SLICES = 16;

export class ReadCache {
  /** By the id of the room, the newest last. */
  readonly #slices = new Map<number, Slice>();

  /** What of a room comes after a position, if that was read lately: up to `limit`, oldest first. */
  find(id: number, after: number, limit: number): Slice | undefined {
    const window = this.#slices.get(id);
    if (!window || after < window.from || after >= window.upTo) return undefined;
    const later = window.publications.filter(({ seq }) => seq > after);
    const publications: Publication[] = later.slice(0, limit);
    const upTo = publications.length < later.length ? (publications.at(-1)?.seq ?? after) : window.upTo;
    return { from: after, upTo, publications };
  }

  keep(id: number, slice: Slice): void {
    this.#slices.delete(id);
    this.#slices.set(id, slice);
    for (const oldest of this.#slices.keys()) {
      if (this.#slices.size <= MAX_SLICES) break;
      this.#slices.delete(oldest);
    }
  }
}
