// Reading requests: the room in the path, the query, where to start, the body. No sockets, no state.
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { fieldErrors } from "../protocol/check.ts";
import { ThumpError } from "../protocol/codes.ts";
import { parseCursor } from "../protocol/cursor.ts";
import { parseJson } from "../protocol/json.ts";
import { checkRoomName } from "../protocol/names.ts";
import type { Door, Incoming } from "../access/door.ts";
import type { Start } from "../hub/hub.ts";

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
  match: Type.Optional(Match),
  cursor: Type.Optional(Type.String()),
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

/** The room in the path: its last segment, or the one before `suffix`. @throws ThumpError `invalid-room` */
export function readRoom(request: Request, suffix = ""): string {
  return checkRoomName(readSegment(request, suffix));
}

/** One percent-encoded path segment. The router's own decoding would let broken encodings pass. */
export function readSegment(request: Request, suffix = ""): string {
  const path = request.url.split("?", 1)[0] as string;
  const trimmed = path.endsWith(suffix) ? path.slice(0, path.length - suffix.length) : path;
  try {
    return decodeURIComponent(trimmed.slice(trimmed.lastIndexOf("/") + 1));
  } catch {
    throw new ThumpError(
      "invalid-room",
      "The path has a broken percent-encoding. Encode names with encodeURIComponent.",
    );
  }
}

/** Where a listener starts: the Last-Event-ID header, which wins, or `after`, `last` and `max`. */
export function readStart(request: Request, { after, last, max }: Static<typeof Query>): Start {
  const cursor = request.headers.get("last-event-id") || after;
  if (max !== undefined && Number(max) === 0)
    throw new ThumpError("invalid-query", "max must be greater than 0.");
  return {
    after: cursor ? parseCursor(cursor) : undefined,
    last: last === undefined ? undefined : Number(last),
    max: max === undefined ? undefined : Number(max),
  };
}

/** The trace that a request belongs to, where somebody wants to know. */
export function traceparentOf({ hub }: Door, request: Request): string | undefined {
  return hub.intake.trace && (request.headers.get("traceparent") ?? undefined);
}

/**
 * A body as the content of a publication, by its content type.
 * @param ms how long it may take to come
 * @throws ThumpError `malformed`, `too-large`, `timeout`
 */
export async function readContent(request: Request, limit: number, ms: number): Promise<Incoming["content"]> {
  const type = mediaType(request);
  const bytes = await readInTime(request, limit, ms);
  if (type === "application/json") {
    const text = decodeText(bytes);
    return { json: text, value: parseBody(text) };
  }
  if (type === "" || type.startsWith("text/") || type === "application/x-www-form-urlencoded") {
    return { text: decodeText(bytes) };
  }
  return { bytes };
}

/** A body that must be JSON. @throws ThumpError `unsupported-type`, `malformed`, `too-large`, `timeout` */
export async function readJson(request: Request, limit: number, ms: number): Promise<unknown> {
  const type = mediaType(request);
  // `curl -d` says that everything is a form.
  if (!/^(|application\/(json|x-www-form-urlencoded)|text\/.*)$/.test(type)) {
    throw new ThumpError("unsupported-type", `The body is ${type}; send application/json.`);
  }
  return parseBody(decodeText(await readInTime(request, limit, ms)));
}

function mediaType(request: Request): string {
  return (request.headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

function parseBody(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof ThumpError) throw error;
    throw new ThumpError("malformed", `The body is not JSON: ${(error as Error).message}.`);
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new ThumpError("malformed", "The body is not UTF-8. Send bytes as application/octet-stream.");
  }
}

/** A client that sends a byte now and then would hold what it has sent for ever. */
async function readInTime(request: Request, limit: number, ms: number): Promise<Uint8Array> {
  const late = Promise.withResolvers<never>();
  const refuse = () => late.reject(new ThumpError("timeout", `The body did not come within ${ms} ms.`));
  const timer = setTimeout(refuse, ms);
  try {
    return await Promise.race([readBody(request, limit), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Reads a body of at most `limit` bytes; one that says its length is refused before it is read. */
async function readBody(request: Request, limit: number): Promise<Uint8Array> {
  const length = request.headers.get("content-length");
  const tooLarge = () => new ThumpError("too-large", `The body is over ${limit} bytes.`);
  if (length !== null) {
    if (Number(length) > limit) throw tooLarge();
    return new Uint8Array(await request.arrayBuffer().catch(endedEarly));
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body?.getReader();
  for (;;) {
    const chunk = await reader?.read().catch(endedEarly);
    if (!chunk || chunk.done) return Buffer.concat(chunks);
    size += chunk.value.byteLength;
    if (size > limit) throw tooLarge();
    chunks.push(chunk.value);
  }
}

/** The client left in the middle of its body: nobody will read the answer, and it is no fault of ours. */
function endedEarly(): never {
  throw new ThumpError("malformed", "The body ended early.");
}
