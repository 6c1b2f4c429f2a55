// What a session of a room with `lag: "latest"` is sent of what was read from a log: the newest of each event.
import type { Publication, Slice } from "../protocol/publication.ts";

/**
 * Under `lag: "latest"`: the newest publication of each event after a position, but for what the session
 * published itself. What is skipped is not a gap.
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
  // Kept by the room even where its rule keeps no history.
  if (newest && newest.seq > position && slice.publications.length === 0) add(newest);
  return { from: position, upTo: slice.upTo, publications: [...byEvent.values()] };
}
