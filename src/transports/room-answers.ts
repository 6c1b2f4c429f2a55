// JSON answers with the history or the members of a room, for WebSockets and HTTP.
import type { RequestContext } from "../auth/principal.ts";
import type { RoomService } from "../service/room-service.ts";
import { AuthError } from "../auth/auth-error.ts";
import type { JoinStart } from "../hub/join.ts";
import { isCutShort, sliceNotBefore } from "../hub/not-before.ts";
import { formatCursor } from "../protocol/cursor.ts";
import { envelope } from "../protocol/envelope.ts";
import type { Publication, Slice } from "../protocol/publication.ts";
import { PUBLICATION_OVERHEAD_BYTES } from "../rooms/room-history.ts";

const DEFAULT_LAST_COUNT = 50;
const MAX_LAST_COUNT = 1000;
/** Maximum number of JSON characters in an answer. Publications beyond this limit are left out, and `more` is set. */
const MAX_ANSWER_LENGTH = 256 * 1024;

/**
 * Returns a room's publications after a cursor, or its newest ones, as the JSON text of an object:
 * `{"room","at","sessions","messages":[…]}`. `gap` is added if messages are missing, and `more` if the answer was cut
 * short. `at` is the cursor to continue from. `sessions` is present if the client may list the members. The caller must
 * have checked the permission for `history`. The read is charged to the `reads` rate limit before the answer is
 * encoded.
 * @throws ThumpError `rate`
 */
export function historyAnswer(
  service: RoomService,
  context: RequestContext,
  room: string,
  start: JoinStart,
): string | Promise<string> {
  // The previous read may have left the bucket in debt.
  service.checkReads(context);
  const read = (showSessions: boolean) => {
    const catchingUp = service.catchUpTo(start.after);
    return catchingUp
      ? catchingUp.then(() => answer(service, context, room, start, showSessions))
      : answer(service, context, room, start, showSessions);
  };
  const showSessions = mayListMembers(service, context, room);
  return showSessions instanceof Promise ? showSessions.then(read) : read(showSessions);
}

function mayListMembers(
  service: RoomService,
  context: RequestContext,
  room: string,
): boolean | Promise<boolean> {
  const refused = (error: unknown): false => {
    if (error instanceof AuthError) return false;
    throw error;
  };
  try {
    return service.check(context, "members", room)?.then(() => true, refused) ?? true;
  } catch (error) {
    return refused(error);
  }
}

function answer(
  service: RoomService,
  context: RequestContext,
  room: string,
  start: JoinStart,
  showSessions: boolean,
): string | Promise<string> {
  const { hub } = service;
  const { after } = start;
  const last = Math.min(MAX_LAST_COUNT, start.last ?? (after ? MAX_LAST_COUNT : DEFAULT_LAST_COUNT));
  const foreign = after !== undefined && hub.isForeignCursor(after);
  const slice = service.history(room, { after: after && (foreign ? 0 : after.seq), last });
  const { notBefore } = start;
  const write = (read: Slice, cost: number) => {
    service.chargeReads(context, cost);
    const requested = after ? { ...after, foreign } : undefined;
    return writeHistory(
      service,
      room,
      sliceNotBefore(read, notBefore),
      requested,
      isCutShort(read, start.last),
      showSessions,
    );
  };
  if (!(slice instanceof Promise)) return write(slice, costOf(slice.publications, after === undefined));
  // The log has read all of these publications, even those that do not fit into the answer.
  return slice.then((read) => write(read, costOf(read.publications, false, Number.POSITIVE_INFINITY)));
}

/** The cost of reading publications, in bytes. Counts publications until their data exceeds `maxSize`. */
function costOf(publications: Publication[], fromTheEnd: boolean, maxSize = MAX_ANSWER_LENGTH): number {
  let cost = PUBLICATION_OVERHEAD_BYTES;
  let data = 0;
  for (let i = 0; i < publications.length && data <= maxSize; i++) {
    const { size } = publications.at(fromTheEnd ? -1 - i : i) as Publication;
    data += size;
    cost += size + PUBLICATION_OVERHEAD_BYTES;
  }
  return cost;
}

interface RequestedCursor {
  epoch: string;
  seq: number;
  foreign: boolean;
}

function writeHistory(
  service: RoomService,
  room: string,
  slice: Slice,
  requested: RequestedCursor | undefined,
  cutShort: boolean,
  showSessions: boolean,
): string {
  const { epoch } = service.hub;
  // With a cursor, the oldest publications take priority; without a cursor, the newest.
  const { texts, publications } = cutToSize(slice.publications, epoch, requested === undefined);
  const whole = publications.length === slice.publications.length;
  const upTo = whole || !requested ? slice.upTo : (publications.at(-1)?.seq ?? slice.from);
  const more = upTo < service.newestIn(room) && requested !== undefined;
  const missed = requested ? requested.foreign || slice.from > requested.seq : cutShort;
  const after = requested ? formatCursor(requested.epoch, requested.seq) : formatCursor(epoch, 0);
  const gap = missed ? `,"gap":${JSON.stringify({ after, at: formatCursor(epoch, slice.from) })}` : "";
  const sessions = showSessions ? `,"sessions":${service.sessionsIn(room)}` : "";
  return (
    `{"room":${JSON.stringify(room)},"at":"${formatCursor(epoch, upTo)}"${sessions}` +
    `${gap}${more ? ',"more":true' : ""},"messages":[${texts.join(",")}]}`
  );
}

function cutToSize(
  publications: Publication[],
  epoch: string,
  fromTheEnd: boolean,
): { texts: string[]; publications: Publication[] } {
  const texts: string[] = [];
  let size = 0;
  const inOrder = fromTheEnd ? publications.toReversed() : publications;
  for (const publication of inOrder) {
    const text = envelope(publication, epoch);
    size += text.length;
    if (size > MAX_ANSWER_LENGTH && texts.length > 0) break;
    texts.push(text);
  }
  const kept = inOrder.slice(0, texts.length);
  return fromTheEnd
    ? { texts: texts.reverse(), publications: kept.reverse() }
    : { texts, publications: kept };
}

/** The members of a room: `{"room","users","guests","sessions","members":[…]}`, with `more` if not all are listed. */
export function membersAnswer(service: RoomService, room: string): string | Promise<string> {
  const answer = (fields: string) => `{"room":${JSON.stringify(room)},${fields}}`;
  const fields = service.members(room);
  return fields instanceof Promise ? fields.then(answer) : answer(fields);
}
