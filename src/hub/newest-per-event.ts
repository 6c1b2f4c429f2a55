// Reduces a slice for rooms with `lag: "latest"` to the newest publication of each event.
import type { Publication, Slice } from "../protocol/publication.ts";

/**
 * The newest publication of each event after a position, without those that the session published itself. The skipped
 * publications are not a gap.
 * @param newest the room's newest publication
 * @param session the id of the session that receives the result
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
  // The room keeps its newest publication even if the rule has no history.
  if (newest && newest.seq > position && slice.publications.length === 0) add(newest);
  return { from: position, upTo: slice.upTo, publications: [...byEvent.values()] };
}
