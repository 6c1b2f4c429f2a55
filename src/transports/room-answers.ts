// JSON answers about a room that sockets and HTTP share: history, members.
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
/** One answer's publications are cut off past this, and `more` says so. In characters of JSON. */
const MAX_ANSWER_BYTES = 256 * 1024;

/**
 * A room's publications after a cursor, or its newest, as the JSON text of an object:
 * `{"room","at","sessions","messages":[…]}`, with `gap` where something is missing and `more` where the
 * answer was cut. `at` is the cursor to go on from. That the caller may read it was checked; `sessions` is there where it
 * may see the members, too.
 * What it costs is charged to the caller's `reads` before it is encoded. @throws ThumpError `rate`
 */
export function historyAnswer(
  service: RoomService,
  context: RequestContext,
  room: string,
  start: JoinStart,
): string | Promise<string> {
  // A read may leave the bucket in debt, and then the next one waits.
  service.checkReads(context);
  const read = (counted: boolean) => {
    const reaching = service.catchUpTo(start.after);
    return reaching
      ? reaching.then(() => answer(service, context, room, start, counted))
      : answer(service, context, room, start, counted);
  };
  const counted = maySeeMembers(service, context, room);
  return counted instanceof Promise ? counted.then(read) : read(counted);
}

function maySeeMembers(
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
  counted: boolean,
): string | Promise<string> {
  const { hub } = service;
  const { after } = start;
  const last = Math.min(MAX_LAST_COUNT, start.last ?? (after ? MAX_LAST_COUNT : DEFAULT_LAST_COUNT));
  const foreign = after !== undefined && hub.isForeignCursor(after);
  const slice = service.history(room, { after: after && (foreign ? 0 : after.seq), last });
  const { notBefore } = start;
  const write = (read: Slice, cost: number) => {
    service.chargeReads(context, cost);
    const asked = after ? { ...after, foreign } : undefined;
    return writeHistory(
      service,
      room,
      sliceNotBefore(read, notBefore),
      asked,
      isCutShort(read, start.last),
      counted,
    );
  };
  if (!(slice instanceof Promise)) return write(slice, costOf(slice.publications, after === undefined));
  // All of it came from elsewhere, whether it is in the answer or not.
  return slice.then((read) => write(read, costOf(read.publications, false, Number.POSITIVE_INFINITY)));
}

/** What publications cost a reader, in bytes: no more of them than fit into an answer. */
function costOf(publications: Publication[], fromTheEnd: boolean, most = MAX_ANSWER_BYTES): number {
  let cost = PUBLICATION_OVERHEAD_BYTES;
  let data = 0;
  for (let i = 0; i < publications.length && data <= most; i++) {
    const { size } = publications.at(fromTheEnd ? -1 - i : i) as Publication;
    data += size;
    cost += size + PUBLICATION_OVERHEAD_BYTES;
  }
  return cost;
}

interface AskedCursor {
  epoch: string;
  seq: number;
  foreign: boolean;
}

function writeHistory(
  service: RoomService,
  room: string,
  slice: Slice,
  asked: AskedCursor | undefined,
  short: boolean,
  counted: boolean,
): string {
  const { epoch } = service.hub;
  // After a cursor the oldest go first; of the newest the newest are what counts.
  const { texts, publications } = cutToSize(slice.publications, epoch, asked === undefined);
  const whole = publications.length === slice.publications.length;
  const upTo = whole || !asked ? slice.upTo : (publications.at(-1)?.seq ?? slice.from);
  const more = upTo < service.newestIn(room) && asked !== undefined;
  const missed = asked ? asked.foreign || slice.from > asked.seq : short;
  const after = asked ? formatCursor(asked.epoch, asked.seq) : formatCursor(epoch, 0);
  const gap = missed ? `,"gap":${JSON.stringify({ after, at: formatCursor(epoch, slice.from) })}` : "";
  const sessions = counted ? `,"sessions":${service.sessionsIn(room)}` : "";
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
    if (size > MAX_ANSWER_BYTES && texts.length > 0) break;
    texts.push(text);
  }
  const kept = inOrder.slice(0, texts.length);
  return fromTheEnd
    ? { texts: texts.reverse(), publications: kept.reverse() }
    : { texts, publications: kept };
}

/** Who is in a room: `{"room","users","guests","sessions","members":[…]}`, with `more` where not all are listed. */
export function membersAnswer(service: RoomService, room: string): string | Promise<string> {
  const answer = (fields: string) => `{"room":${JSON.stringify(room)},${fields}}`;
  const fields = service.members(room);
  return fields instanceof Promise ? fields.then(answer) : answer(fields);
}
