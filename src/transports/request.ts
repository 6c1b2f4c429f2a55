// Reading requests: the room in the path, the query, where to start, the body. No sockets, no state.
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { fieldErrors } from "../protocol/check.ts";
import { ThumpError } from "../protocol/codes.ts";
import { parseCursor } from "../protocol/cursor.ts";
import { parseJson } from "../protocol/json.ts";
import { checkRoomName } from "../protocol/names.ts";
import type { Door, Incoming } from "../access/door.ts";
import type { Start } from "../hub/joining.ts";

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

/** The trace that a request belongs to, where somebody wants to know. */
export function traceparentOf({ hub }: Door, request: Request): string | undefined {
  return hub.intake.trace && (request.headers.get("traceparent") ?? undefined);
}

/** How long a body may take to come, in ms, and with whom it shares memory meanwhile. */
type BodyBounds = Pick<Door, "bodyTime" | "bodies">;
/** Bodies that say that they are no larger, in bytes, are not counted: open files bound how many there are. */
const SMALL_BODY = 64 * 1024;

/**
 * A body as the content of a publication, by its content type.
 * @throws ThumpError `malformed`, `too-large`, `timeout`, `busy`
 */
export async function readContent(
  request: Request,
  limit: number,
  bounds: BodyBounds,
): Promise<Incoming["content"]> {
  const type = mediaType(request);
  const bytes = await readInTime(request, limit, bounds);
  if (type === "application/json") {
    const text = decodeText(bytes);
    return { json: text, value: parseBody(text) };
  }
  if (type === "" || type.startsWith("text/") || type === "application/x-www-form-urlencoded") {
    return { text: decodeText(bytes) };
  }
  return { bytes };
}

/** A body that must be JSON. @throws ThumpError `unsupported-type`, `malformed`, `too-large`, `timeout`, `busy` */
export async function readJson(request: Request, limit: number, bounds: BodyBounds): Promise<unknown> {
  const type = mediaType(request);
  // `curl -d` says that everything is a form.
  if (!/^(|application\/(json|x-www-form-urlencoded)|text\/.*)$/.test(type)) {
    throw new ThumpError("unsupported-type", `The body is ${type}; send application/json.`);
  }
  return parseBody(decodeText(await readInTime(request, limit, bounds)));
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

/** A client that sends a byte now and then would hold what it has sent for ever, and many would hold all memory. */
async function readInTime(
  request: Request,
  limit: number,
  { bodyTime, bodies }: BodyBounds,
): Promise<Uint8Array> {
  const length = request.headers.get("content-length");
  const tooLarge = () => new ThumpError("too-large", `The body is over ${limit} bytes.`);
  if (length !== null && Number(length) > limit) throw tooLarge();
  const late = Promise.withResolvers<never>();
  const refuse = () => late.reject(new ThumpError("timeout", `The body did not come within ${bodyTime} ms.`));
  const timer = setTimeout(refuse, bodyTime);
  const small = length !== null && Number(length) <= SMALL_BODY;
  const reader = small ? undefined : request.body?.getReader();
  const body = reader && bodies.open(late.reject);
  try {
    if (!body)
      return new Uint8Array(await Promise.race([request.arrayBuffer().catch(endedEarly), late.promise]));
    const come = (bytes: number) => bodies.take(body, bytes);
    return await Promise.race([readBody(reader, come, limit, tooLarge), late.promise]);
  } catch (error) {
    // What is still to come is not kept.
    reader?.cancel().catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
    if (body) bodies.close(body);
  }
}

/** Reads a body of at most `limit` bytes. @param onCome told of each piece */
async function readBody(
  reader: Pick<ReadableStreamDefaultReader<Uint8Array>, "read">,
  onCome: (bytes: number) => void,
  limit: number,
  tooLarge: () => ThumpError,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const chunk = await reader.read().catch(endedEarly);
    if (chunk.done) return Buffer.concat(chunks);
    size += chunk.value.byteLength;
    if (size > limit) throw tooLarge();
    chunks.push(chunk.value);
    onCome(chunk.value.byteLength);
  }
}

/** The client left in the middle of its body: nobody will read the answer, and it is no fault of ours. */
function endedEarly(): never {
  throw new ThumpError("malformed", "The body ended early.");
}
