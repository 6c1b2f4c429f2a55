// Reading requests: the room, the query, where to start. No sockets, no state.
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { fieldErrors } from "../protocol/check.ts";
import { ThumpError } from "../protocol/codes.ts";
import { parseCursor } from "../protocol/cursor.ts";
import { checkRoomName } from "../protocol/names.ts";
import type { Asker } from "../access/caller.ts";
import type { Door } from "../access/door.ts";
import type { TraceContext } from "../hub/intake.ts";
import type { Start } from "../hub/joining.ts";
import type { Names } from "./path.ts";

const Digits = Type.String({ pattern: "^[0-9]{1,7}$" });
const Decimal = Type.String({ pattern: "^[0-9]{1,7}(\\.[0-9]{1,3})?$" });
const Flag = Type.String({ pattern: "^[01]$" });
/** A pattern is tried on every room there is: it may be neither long nor have many wildcards. */
const Match = Type.String({ maxLength: 255, pattern: "^[^*{]*([*{][^*{]*){0,4}$" });
/** What a query may say. */
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

/** The query's own parameters, checked. Others are left alone. @throws ThumpError `invalid-query` */
export function readQuery(request: Request): Static<typeof Query> & { rooms: string[] } {
  const at = request.url.indexOf("?");
  if (at < 0) return { rooms: [] };
  const parameters = new URLSearchParams(request.url.slice(at));
  const values = Object.fromEntries(parameters);
  if (!query.Check(values)) {
    const errors = fieldErrors(query.Errors(values));
    throw new ThumpError(
      "invalid-query",
      `The query parameter ${errors[0]?.path.slice(1)} ${errors[0]?.message}.`,
      errors,
    );
  }
  return { ...values, rooms: [...new Set(parameters.getAll("room"))] };
}

/** The room in the path. @throws ThumpError `invalid-room` */
export function readRoom(names: Names): string {
  return checkRoomName(names["room"] ?? "");
}

/** Where a listener starts: the Last-Event-ID header, which wins, or `after`, `last` and `max`; and whether it asks for presence. */
export function readStart(request: Request, query: Static<typeof Query>): Start {
  const { after, last, max, presence } = query;
  const cursor = request.headers.get("last-event-id") || after;
  if (max !== undefined && Number(max) === 0)
    throw new ThumpError("invalid-query", "max must be greater than 0.");
  return {
    after: cursor ? parseCursor(cursor) : undefined,
    last: last === undefined ? undefined : Number(last),
    max: max === undefined ? undefined : Number(max),
    presence: presence === "1",
  };
}

/** The trace that a request belongs to, where traces are made, and whether its publisher may decide if it is sampled. */
export function traceparentOf(
  { hub, policy }: Door,
  request: Request,
  asker: Asker,
): TraceContext | undefined {
  const traceparent = hub.intake.trace && request.headers.get("traceparent");
  return traceparent ? { traceparent, trusted: policy.trusts(asker) } : undefined;
}
