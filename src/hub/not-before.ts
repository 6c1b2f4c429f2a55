// Slice checks: hides publications that are too old for a client to see, and detects missing publications.
import type { Slice } from "../protocol/publication.ts";

/**
 * Returns the part of a slice that was published at `notBefore` (in ms since 1970) or later. The omitted part counts as
 * a gap.
 */
export function sliceNotBefore(slice: Slice, notBefore: number | undefined): Slice {
  const [oldest] = slice.publications;
  if (notBefore === undefined || !oldest || oldest.time >= notBefore) return slice;
  const at = slice.publications.findIndex(({ time }) => time >= notBefore);
  const publications = at < 0 ? [] : slice.publications.slice(at);
  const hidden = slice.publications[slice.publications.length - publications.length - 1];
  return { from: hidden?.seq ?? slice.from, upTo: slice.upTo, publications };
}

/** Returns true if some of the requested `last` publications are gone. */
export function isCutShort({ publications, truncated }: Slice, last: number | undefined): boolean {
  return truncated === true && last !== undefined && last > publications.length;
}
