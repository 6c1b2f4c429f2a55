// Reduces a slice for rooms with `lag: "latest"` to the newest publication of each event.
import type { Publication, Slice } from "../protocol/publication.ts";

/**
 * Returns the newest publication of each event after a position, except the session's own publications. Skipped
 * publications do not count as a gap.
 * @param newest the room's newest publication
 * @param session the id of the receiving session
 */
export function newestPerEvent(
  slice: Slice,
  position: number,
  newest: Publication | undefined,
  session: string,
): Slice {
  const byEvent = new Map<string, Publication>();
  const add = (publication: Publication) => {
    if (publication.except === session) return;
    byEvent.delete(publication.event);
    byEvent.set(publication.event, publication);
  };
  slice.publications.forEach(add);
  // The room keeps its newest publication even if its rule stores no history.
  if (newest && newest.seq > position && slice.publications.length === 0) add(newest);
  return { from: position, upTo: slice.upTo, publications: [...byEvent.values()] };
}
