// Reads request bodies, with limits on their rate, size, time and memory.
import type { RoomService } from "../../service/room-service.ts";
import { ThumpError } from "../../protocol/codes.ts";
import { Content } from "../../protocol/content.ts";
import { JsonElements } from "../../protocol/json-elements.ts";
import { parseJson } from "../../protocol/json.ts";
import { LongWork } from "../../scheduling/long-work.ts";
import type { HandlerContext } from "./handler-context.ts";

/** The time limit of a body, and the memory that all bodies share. */
type BodyLimits = Pick<RoomService, "bodyTime" | "bodyMemory">;
/**
 * Bodies with a `content-length` up to this size do not count toward the shared memory. The limit on open files bounds
 * their number.
 */
const MAX_SMALL_BODY_BYTES = 64 * 1024;

/**
 * Reads a body of at most `limit` bytes. Charges the `requests` rate beforehand, and rechecks the principal afterwards.
 * @throws ThumpError `rate`, `malformed`, `too-large`, `timeout`, `busy`, `unauthorized`, `revoked`
 */
async function readBytes({ service, context, request }: HandlerContext, limit: number): Promise<Uint8Array> {
  service.takeRate(context, "requests");
  const bytes = await readInTime(request, limit, service);
  service.recheck(context.principal);
  return bytes;
}

/** Reads a body as the content of a publication, according to its content type. @throws ThumpError as `readBytes` */
export async function readContent(http: HandlerContext, limit: number): Promise<Content> {
  const type = mediaType(http.request);
  const bytes = await readBytes(http, limit);
  if (type === "application/json") {
    return Content.json(decodeText(bytes));
  }
  if (type === "" || type.startsWith("text/") || type === "application/x-www-form-urlencoded") {
    return Content.text(decodeText(bytes));
  }
  return Content.bytes(bytes);
}

/** Reads and parses a JSON body. @throws ThumpError as `readBytes`, and `unsupported-type` */
export async function readJson(http: HandlerContext, limit: number): Promise<unknown> {
  const text = decodeText(await readJsonBytes(http, limit));
  return parsing(() => parseJson(text));
}

function readJsonBytes(http: HandlerContext, limit: number): Promise<Uint8Array> {
  const type = mediaType(http.request);
  // `curl -d` declares every body as a form.
  if (!/^(|application\/(json|x-www-form-urlencoded)|text\/.*)$/.test(type)) {
    throw new ThumpError("unsupported-type", `The content type is ${type}; send application/json.`);
  }
  return readBytes(http, limit);
}

/** Number of bytes scanned between two time checks. */
const SCAN_BYTES = 64 * 1024;

/** The unparsed elements of a JSON array in a body. */
export interface BodyItems {
  /** Whether the body is an array. If not, its single value is the only element. */
  isArray: boolean;
  texts: string[];
  /** Size of the body, in bytes. */
  size: number;
  /** Paces the work on this request. Use it to process the elements, too. */
  work: LongWork;
}

/**
 * Reads a JSON body and splits an array into its elements.
 * @param most maximum number of elements
 * @param tooMany creates the error if there are more
 * @throws ThumpError as `readJson`
 */
export async function readItems(
  http: HandlerContext,
  limit: number,
  most: number,
  tooMany: () => ThumpError,
): Promise<BodyItems> {
  const bytes = await readJsonBytes(http, limit);
  const size = bytes.byteLength;
  const work = new LongWork(size, () => http.request.signal.aborted);
  const elements = new JsonElements(bytes, most);
  do if (work.isDue) await work.pause();
  while (elements.step(SCAN_BYTES));
  const { isArray, starts, ends } = elements;
  if (starts.length > most) throw tooMany();
  const texts: string[] = [];
  for (const [i, start] of starts.entries()) {
    if (work.isDue) await work.pause();
    texts.push(decodeText(bytes.subarray(start, ends[i])));
  }
  return { isArray, texts, size, work };
}

function mediaType(request: Request): string {
  return (request.headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

/** Runs a parser and converts its errors. @throws ThumpError `malformed` */
export function parsing<T>(parse: () => T): T {
  try {
    return parse();
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

/** Reads a body within the time limit. Without the limit, slow clients could hold memory forever. */
async function readInTime(
  request: Request,
  limit: number,
  { bodyTime, bodyMemory }: BodyLimits,
): Promise<Uint8Array> {
  const length = request.headers.get("content-length");
  const tooLarge = () => new ThumpError("too-large", `The body has more than ${limit} bytes.`);
  if (length !== null && Number(length) > limit) throw tooLarge();
  const failed = Promise.withResolvers<never>();
  const refuse = () =>
    failed.reject(new ThumpError("timeout", `The body did not arrive within ${bodyTime} ms.`));
  const timer = setTimeout(refuse, bodyTime);
  const small = length !== null && Number(length) <= MAX_SMALL_BODY_BYTES;
  const reader = small ? undefined : request.body?.getReader();
  const body = reader && bodyMemory.open(failed.reject);
  const abort = () => failed.reject(endedEarly());
  try {
    if (reader) {
      // After an HTTP/2 reset, the reader never settles (`arrayBuffer` would reject), and listeners added later are not
      // called.
      if (request.signal.aborted) throw endedEarly();
      request.signal.addEventListener("abort", abort);
    }
    if (!body) return new Uint8Array(await Promise.race([request.arrayBuffer().catch(fail), failed.promise]));
    const count = (received: number) => bodyMemory.take(body, received);
    const bytes = await Promise.race([readBody(reader, count, limit, tooLarge), failed.promise]);
    if (length === null) await checkWhole(request);
    return bytes;
  } catch (error) {
    // Discards the rest of the body.
    reader?.cancel().catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
    if (reader) request.signal.removeEventListener("abort", abort);
    if (body) bodyMemory.close(body);
  }
}

/** Reads a body of at most `limit` bytes. @param onChunk called with the size of each chunk */
async function readBody(
  reader: Pick<ReadableStreamDefaultReader<Uint8Array>, "read">,
  onChunk: (bytes: number) => void,
  limit: number,
  tooLarge: () => ThumpError,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const chunk = await reader.read().catch(fail);
    if (chunk.done) return Buffer.concat(chunks);
    size += chunk.value.byteLength;
    if (size > limit) throw tooLarge();
    chunks.push(chunk.value);
    onChunk(chunk.value.byteLength);
  }
}

/**
 * Checks that a body without a length was not cut off. An HTTP/2 reset in the middle of such a body looks like the end
 * of the body, because Bun aborts the request only after the promises of that event have settled.
 */
async function checkWhole(request: Request): Promise<void> {
  if (request.headers.has("transfer-encoding")) return;
  await new Promise(setImmediate);
  if (request.signal.aborted) throw endedEarly();
}

function fail(): never {
  throw endedEarly();
}

/**
 * The error if the client disconnected before the end of its body. The client cannot receive this error; its code only
 * keeps it from being logged as `internal`.
 */
function endedEarly(): ThumpError {
  return new ThumpError("malformed", "The body ended early.");
}
