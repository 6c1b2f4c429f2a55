// Reads the room, the query parameters and the start position of a request. Pure.
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { fieldErrors } from "../../protocol/field-errors.ts";
import { ThumpError } from "../../protocol/codes.ts";
import { parseCursor } from "../../protocol/cursor.ts";
import { checkRoomName } from "../../protocol/names.ts";
import type { JoinStart } from "../../hub/join.ts";
import type { PathNames } from "./path-names.ts";

const Digits = Type.String({ pattern: "^[0-9]{1,7}$" });
const Decimal = Type.String({ pattern: "^[0-9]{1,7}(\\.[0-9]{1,3})?$" });
const Flag = Type.String({ pattern: "^[01]$" });
/** Length and number of wildcards are limited, because a pattern is tested against every room. */
const Match = Type.String({ maxLength: 255, pattern: "^[^*{]*([*{][^*{]*){0,4}$" });
/** All query parameters. */
export const Query = Type.Object({
  after: Type.Optional(Type.String()),
  last: Type.Optional(Digits),
  wait: Type.Optional(Decimal),
  max: Type.Optional(Decimal),
  echo: Type.Optional(Flag),
  ordered: Type.Optional(Flag),
  presence: Type.Optional(Flag),
  match: Type.Optional(Match),
  cursor: Type.Optional(Type.String()),
  user: Type.Optional(Type.String()),
  lagging: Type.Optional(Flag),
  sort: Type.Optional(Type.Union([Type.Literal("name"), Type.Literal("sessions")])),
  limit: Type.Optional(Digits),
});
const query = Compile(Query);

/** Query parameters that replace the header `Last-Event-ID`. Mercure and replacements for `EventSource` use them. */
const LAST_EVENT_ID = /^(?:last-?event-?id|evs_last_event_id)$/i;

type QueryParameters = Static<typeof Query> & { rooms: string[]; lastEventId?: string };

/**
 * Reads and validates the query.
 * @param only the accepted parameters; if absent, unknown parameters are ignored
 * @throws ThumpError `invalid-query`
 */
export function readQuery(request: Request, only?: readonly string[]): QueryParameters {
  const at = request.url.indexOf("?");
  if (at < 0) return { rooms: [] };
  const parameters = new URLSearchParams(request.url.slice(at));
  if (only) checkNames(parameters, only);
  const values = Object.fromEntries(parameters);
  if (!query.Check(values)) {
    const errors = fieldErrors(query.Errors(values));
    throw new ThumpError(
      "invalid-query",
      `The query parameter ${errors[0]?.path.slice(1)} ${errors[0]?.message}.`,
      errors,
    );
  }
  const [, lastEventId] = [...parameters].findLast(([name]) => LAST_EVENT_ID.test(name)) ?? [];
  return {
    ...values,
    rooms: [...new Set(parameters.getAll("room"))],
    ...(lastEventId === undefined ? {} : { lastEventId }),
  };
}

/** Rejects unknown parameters. If a misspelled parameter were ignored, the response could contain unexpected data. */
function checkNames(parameters: URLSearchParams, only: readonly string[]): void {
  for (const name of parameters.keys()) {
    // `readCredential` reads `token`.
    if (name === "token" || only.includes(name) || (only.includes("after") && LAST_EVENT_ID.test(name)))
      continue;
    const known = only.length > 0 ? `Known parameters: ${only.join(", ")}.` : "This route has no parameters.";
    throw new ThumpError(
      "invalid-query",
      `Unknown query parameter ${JSON.stringify(name.slice(0, 64))}. ${known}`,
    );
  }
}

/** The room in the path. @throws ThumpError `invalid-room` */
export function readRoom(names: PathNames): string {
  return checkRoomName(names["room"] ?? "");
}

/**
 * Reads the start position of a subscription: `last`, or a cursor. The cursor comes from the header `Last-Event-ID`,
 * from a query parameter that replaces it, or from `after`, in this order of precedence. Also reads `max` and
 * `presence`.
 */
export function readStart({ headers }: Request, query: QueryParameters): JoinStart {
  const { after, last, max, presence, lastEventId } = query;
  const cursor = readHeader(headers, "last-event-id") || lastEventId || after;
  if (max !== undefined && Number(max) === 0)
    throw new ThumpError("invalid-query", "max must be greater than 0.");
  return {
    after: cursor ? parseCursor(cursor) : undefined,
    last: last === undefined ? undefined : Number(last),
    max: max === undefined ? undefined : Number(max),
    presence: presence === "1",
  };
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Returns the text of a header. Bun decodes header values as Latin-1, but clients such as curl send UTF-8. Valid UTF-8
 * is therefore decoded as UTF-8. RFC 9110 §5.5 leaves the encoding open.
 */
export function readHeader(headers: Headers, name: string): string | undefined {
  const value = headers.get(name);
  if (value === null) return undefined;
  // oxlint-disable-next-line no-control-regex -- all of ASCII
  if (/^[\x00-\x7f]*$/.test(value)) return value;
  try {
    return utf8.decode(Buffer.from(value, "latin1"));
  } catch {
    return value;
  }
}
