// Reading the bodies of requests: counted before they are read, bounded in size, time and memory.
import type { RequestContext } from "../../auth/principal.ts";
import type { RoomService } from "../../service/room-service.ts";
import { ThumpError } from "../../protocol/codes.ts";
import { Content } from "../../protocol/content.ts";
import { JsonElements } from "../../protocol/json-elements.ts";
import { parseJson } from "../../protocol/json.ts";
import { LongWork } from "../../scheduling/long-work.ts";

/** How long a body may take to come, in ms, and with whom it shares memory meanwhile. */
type BodyLimits = Pick<RoomService, "bodyTime" | "bodyMemory">;
/** Bodies that say that they are no larger, in bytes, are not counted: open files bound how many there are. */
const MAX_SMALL_BODY_BYTES = 64 * 1024;

/**
 * Reads a body of at most `limit` bytes. It takes one of `requests` before any of it is read, and the caller is checked
 * again when all of it has arrived.
 * @throws ThumpError `rate`, `malformed`, `too-large`, `timeout`, `busy`, `unauthorized`, `revoked`
 */
async function readBytes(
  service: RoomService,
  context: RequestContext,
  request: Request,
  limit: number,
): Promise<Uint8Array> {
  service.takeRate(context, "requests");
  const bytes = await readInTime(request, limit, service);
  service.recheck(context.principal);
  return bytes;
}

/** A body as the content of a publication, by its content type. @throws ThumpError as `readBytes` */
export async function readContent(
  service: RoomService,
  context: RequestContext,
  request: Request,
  limit: number,
): Promise<Content> {
  const type = mediaType(request);
  const bytes = await readBytes(service, context, request, limit);
  if (type === "application/json") {
    return Content.json(decodeText(bytes));
  }
  if (type === "" || type.startsWith("text/") || type === "application/x-www-form-urlencoded") {
    return Content.text(decodeText(bytes));
  }
  return Content.bytes(bytes);
}

/** A body that must be JSON, as text. @throws ThumpError as `readBytes`, and `unsupported-type` */
export async function readJson(
  service: RoomService,
  context: RequestContext,
  request: Request,
  limit: number,
): Promise<unknown> {
  const text = decodeText(await readJsonBytes(service, context, request, limit));
  return parsing(() => parseJson(text));
}

function readJsonBytes(
  service: RoomService,
  context: RequestContext,
  request: Request,
  limit: number,
): Promise<Uint8Array> {
  const type = mediaType(request);
  // `curl -d` says that everything is a form.
  if (!/^(|application\/(json|x-www-form-urlencoded)|text\/.*)$/.test(type)) {
    throw new ThumpError("unsupported-type", `The body is ${type}; send application/json.`);
  }
  return readBytes(service, context, request, limit);
}

/** How many bytes are looked at between two looks at the clock. */
const SCAN_BYTES = 64 * 1024;

/** The elements of a JSON array in a body, none of which has been parsed. */
export interface BodyItems {
  /** Else the body is one value, and the only item. */
  isArray: boolean;
  texts: string[];
  /** Of the body. */
  size: number;
  /** With whom the work on them goes on. */
  work: LongWork;
}

/**
 * Reads a body that must be JSON, and divides an array into its elements.
 * @param most how many there may be
 * @param tooMany what is thrown when there are more
 * @throws ThumpError as `readJson`
 */
export async function readItems(
  service: RoomService,
  context: RequestContext,
  request: Request,
  limit: number,
  most: number,
  tooMany: () => ThumpError,
): Promise<BodyItems> {
  const bytes = await readJsonBytes(service, context, request, limit);
  const size = bytes.byteLength;
  const work = new LongWork(size, () => request.signal.aborted);
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

/** What is not JSON in a body is told by name. @throws ThumpError `malformed` */
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

/** A client that sends a byte now and then would hold what it has sent for ever, and many would hold all memory. */
async function readInTime(
  request: Request,
  limit: number,
  { bodyTime, bodyMemory }: BodyLimits,
): Promise<Uint8Array> {
  const length = request.headers.get("content-length");
  const tooLarge = () => new ThumpError("too-large", `The body is over ${limit} bytes.`);
  if (length !== null && Number(length) > limit) throw tooLarge();
  const failed = Promise.withResolvers<never>();
  const refuse = () =>
    failed.reject(new ThumpError("timeout", `The body did not come within ${bodyTime} ms.`));
  const timer = setTimeout(refuse, bodyTime);
  const small = length !== null && Number(length) <= MAX_SMALL_BODY_BYTES;
  const reader = small ? undefined : request.body?.getReader();
  const body = reader && bodyMemory.open(failed.reject);
  const abort = () => failed.reject(endedEarly());
  try {
    if (reader) {
      // After an HTTP/2 reset the reader never settles (`arrayBuffer` rejects), and late listeners are not called.
      if (request.signal.aborted) throw endedEarly();
      request.signal.addEventListener("abort", abort);
    }
    if (!body) return new Uint8Array(await Promise.race([request.arrayBuffer().catch(fail), failed.promise]));
    const come = (bytes: number) => bodyMemory.take(body, bytes);
    const bytes = await Promise.race([readBody(reader, come, limit, tooLarge), failed.promise]);
    if (length === null) await checkWhole(request);
    return bytes;
  } catch (error) {
    // What is still to come is not kept.
    reader?.cancel().catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
    if (reader) request.signal.removeEventListener("abort", abort);
    if (body) bodyMemory.close(body);
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
    const chunk = await reader.read().catch(fail);
    if (chunk.done) return Buffer.concat(chunks);
    size += chunk.value.byteLength;
    if (size > limit) throw tooLarge();
    chunks.push(chunk.value);
    onCome(chunk.value.byteLength);
  }
}

/**
 * An HTTP/2 reset in the middle of a body without a length looks like its end: Bun aborts the request only after the
 * promises of that event have settled.
 */
async function checkWhole(request: Request): Promise<void> {
  if (request.headers.has("transfer-encoding")) return;
  await new Promise(setImmediate);
  if (request.signal.aborted) throw endedEarly();
}

function fail(): never {
  throw endedEarly();
}

/** The client left in the middle of its body: nobody will read the answer, and it is no fault of ours. */
function endedEarly(): ThumpError {
  return new ThumpError("malformed", "The body ended early.");
}
