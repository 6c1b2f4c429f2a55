// How far back a slice may reach, for those who may not read all that is kept; and whether it reaches as far as was asked.
import type { Slice } from "../protocol/publication.ts";

/** The part of a slice that was published at a time or later, in ms since 1970: what is left out is a gap. */
export function sliceNotBefore(slice: Slice, notBefore: number | undefined): Slice {
  const [oldest] = slice.publications;
  if (notBefore === undefined || !oldest || oldest.time >= notBefore) return slice;
  const at = slice.publications.findIndex(({ time }) => time >= notBefore);
  const publications = at < 0 ? [] : slice.publications.slice(at);
  const hidden = slice.publications[slice.publications.length - publications.length - 1];
  return { from: hidden?.seq ?? slice.from, upTo: slice.upTo, publications };
}

/** Whether the newest `last` of a room were asked for, and some of them are gone. */
export function isCutShort({ publications, truncated }: Slice, last: number | undefined): boolean {
  return truncated === true && last !== undefined && last > publications.length;
}
