// POST /publish: several publications, or one to several rooms, each with a result of its own.
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import type { Asker } from "../access/caller.ts";
import type { Door } from "../access/door.ts";
import { fieldErrors } from "../protocol/check.ts";
import type { TraceContext } from "../hub/intake.ts";
import { ThumpError } from "../protocol/codes.ts";
import { formatCursor } from "../protocol/cursor.ts";
import { toThumpError } from "./problem.ts";
import { readJson } from "./body.ts";
import { readQuery, traceparentOf } from "./request.ts";

/** How many publications one request may make. */
const MAX_PUBLICATIONS = 1000;

/** What a batch is made of. */
export const Item = Type.Object({
  room: Type.Optional(Type.String()),
  rooms: Type.Optional(Type.Array(Type.String())),
  event: Type.Optional(Type.String()),
  data: Type.Optional(Type.Unknown()),
  encoding: Type.Optional(Type.Literal("base64")),
  key: Type.Optional(Type.String()),
});
const item = Compile(Item);

type Result =
  | { room?: string; at: string }
  | { room?: string; error: { code: string; message: string; errors?: object[]; retry?: number } };

/**
 * Answers `{"results":[…]}`, one a room of each item, in order. One that fails stops no other, unless the query says
 * `ordered=1`: then those after it are not tried, and have no result. So who sends the rest again keeps the order.
 */
export async function publishBatch(
  door: Door,
  request: Request,
  asker: Asker,
  maxBody: number,
): Promise<Response> {
  door.policy.checkShown(asker, "Publishing takes a token or an API key.");
  const ordered = readQuery(request, ["ordered"]).ordered === "1";
  const body = await readJson(door, asker, request, maxBody);
  const items = Array.isArray(body) ? body : [body];
  const wanted = items.flatMap(expand);
  if (wanted.length > MAX_PUBLICATIONS) {
    throw new ThumpError(
      "limit",
      `One request may make ${MAX_PUBLICATIONS} publications; this one asks for ${wanted.length}.`,
    );
  }
  await decideAll(door, asker, wanted);
  const traceparent = traceparentOf(door, request, asker);
  // All are handed to the log in this turn, in order; then their acks are waited for.
  const results: (Result | Promise<Result>)[] = [];
  for (const one of wanted) {
    const result = publishOne(door, asker, one, traceparent);
    results.push(result);
    if (ordered && "error" in result) break;
  }
  return Response.json({ results: await Promise.all(results) });
}

type Wanted = Static<typeof Item> | ThumpError;

/** One wanted publication a room; an item that does not fit is its own error. */
function expand(value: unknown): Wanted[] {
  if (!item.Check(value)) {
    const errors = fieldErrors(item.Errors(value));
    return [
      new ThumpError("invalid", `The item does not fit: ${errors[0]?.path} ${errors[0]?.message}.`, errors),
    ];
  }
  const rooms = value.rooms ?? (value.room === undefined ? [] : [value.room]);
  if (rooms.length === 0) {
    return [
      new ThumpError("invalid", "The item names no room.", [{ path: "/room", message: "is required" }]),
    ];
  }
  return rooms.map((room) => ({ ...value, room }));
}

/** The app's hook is asked about each room before anything is published: what it says is then known. */
async function decideAll(door: Door, asker: Asker, wanted: Wanted[]): Promise<void> {
  if (!door.policy.authorize) return;
  const rooms = new Set(wanted.flatMap((one) => (one instanceof ThumpError ? [] : [one.room as string])));
  await Promise.allSettled([...rooms].map((room) => Promise.try(() => door.check(asker, "publish", room))));
}

function publishOne(
  door: Door,
  asker: Asker,
  wanted: Wanted,
  traceparent: TraceContext | undefined,
): Result | Promise<Result> {
  const room = wanted instanceof ThumpError ? {} : { room: wanted.room as string };
  const failed = (error: unknown): Result => {
    const { code, message, errors, retry } = toThumpError(door.hub, error);
    const more = { ...(errors ? { errors } : {}), ...(retry === undefined ? {} : { retry }) };
    return { ...room, error: { code, message, ...more } };
  };
  if (wanted instanceof ThumpError) return failed(wanted);
  const { event, data, encoding, key } = wanted;
  try {
    const publication = door.publish(asker, {
      room: wanted.room as string,
      event,
      key,
      content: { value: data, encoding },
      traceparent,
    });
    const kept = ({ seq }: { seq: number }): Result => ({
      ...room,
      at: formatCursor(door.hub.log.epoch, seq),
    });
    return publication instanceof Promise ? publication.then(kept, failed) : kept(publication);
  } catch (error) {
    return failed(error);
  }
}
