// Caches the slices most recently read from the file, for a few rooms. A catch-up reads a slice in pieces, and after a
// restart many sessions may need the same slice.
import type { Publication, Slice } from "../../protocol/publication.ts";

/** The maximum number of slices. Each slice is the result of one read, at most about 1 MiB. */
const MAX_SLICES = 16;

export class ReadCache {
  /** Slices by room id, most recent last. */
  readonly #slices = new Map<number, Slice>();

  /** Returns up to `limit` publications after a position, oldest first, if the cached slice covers that position. */
  find(id: number, after: number, limit: number): Slice | undefined {
    const slice = this.#slices.get(id);
    if (!slice || after < slice.from || after >= slice.upTo) return undefined;
    const later = slice.publications.filter(({ seq }) => seq > after);
    const publications: Publication[] = later.slice(0, limit);
    const upTo = publications.length < later.length ? (publications.at(-1)?.seq ?? after) : slice.upTo;
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
