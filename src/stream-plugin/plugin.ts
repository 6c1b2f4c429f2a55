// The Elysia plugin: adds `stream` to the context of routes.
import type { Server } from "bun";
import { Elysia } from "elysia";
import { respond } from "./response.ts";
import { type Items, type Source, type SourceCallback, type SourceFactory, wholeNumber } from "./source.ts";
import { type EventOf, EventWriter } from "./sse.ts";
import { StreamBody } from "./stream-body.ts";
import type { StreamEnd } from "./stream-end.ts";

/** Options of all streams of an app. */
export interface StreamingOptions {
  /** Time in ms that clients wait before they reconnect. Default: the client's own, 3000 in most browsers. */
  retry?: number | undefined;
  /**
   * Time in ms without events after which a comment is sent, so that proxies keep the connection open. 0 disables
   * comments. Default: 15000.
   */
  keepAlive?: number | undefined;
  /**
   * Whether to compress streams for clients that accept gzip. Each chunk can be decompressed on arrival. Default: true.
   */
  gzip?: boolean | undefined;
  /** Time in ms after which a client that reads nothing is disconnected. Default: 60000. */
  stallTimeout?: number | undefined;
  /** Maximum number of bytes buffered for a client if a callback does not wait for `send()`. Default: 1048576. */
  maxBuffered?: number | undefined;
  /** Called with errors from sources and close hooks. If a source fails, its stream ends. Default: `console.error`. */
  onError?: ((error: unknown) => void) | undefined;
}

/** Options of one stream. */
export interface StreamOptions extends StreamingOptions {
  /**
   * Whether to number events without an id, starting at 1. If the source is a function, the numbers continue after
   * `Last-Event-ID`. For other sources they restart with each client. Default: false.
   */
  numbered?: boolean | undefined;
  /** Called once when the stream has ended, for any reason. A returned promise is not awaited. */
  onClose?: ((end: StreamEnd) => unknown) | undefined;
}

/**
 * The result of `stream()`. At run time, the result is a `Response`. Eden Treaty derives the client's event types from
 * this type.
 */
export type StreamAnswer<Item> = AsyncGenerator<EventOf<Item>, void, unknown>;

/**
 * Responds to a request with an event stream. All overloads use the same context type, because TypeScript infers the
 * parameter type of a source function from the first overload.
 */
export interface StreamFunction {
  /** @example ({ stream }) => stream<Tick>(({ send }) => ticker.subscribe(send)) */
  <Item = unknown>(source: SourceCallback<Item>, options?: StreamOptions): StreamAnswer<Item>;
  /** @example ({ stream }) => stream(async function* ({ lastNumber }) { yield* progress(lastNumber); }) */
  <Item>(source: SourceFactory<Item>, options?: StreamOptions): StreamAnswer<Item>;
  /** @example ({ stream }) => stream(await fetch("https://api.example/events")) */
  (source: Response | Promise<Response>, options?: StreamOptions): StreamAnswer<unknown>;
  /** @example ({ stream }) => stream(rows()) */
  <Item>(source: Items<Item> | Promise<Items<Item>>, options?: StreamOptions): StreamAnswer<Item>;
}

const KEEP_ALIVE_MS = 15_000;
/**
 * The keep-alive interval if the server is unknown. Such a server may close idle connections after 10 s (Bun's
 * default), give or take 4 s.
 */
const KEEP_ALIVE_UNKNOWN_MS = 5000;
const STALL_TIMEOUT_MS = 60_000;
const MAX_BUFFERED_BYTES = 1024 * 1024;
/** Elysia's default, in seconds. */
const IDLE_TIMEOUT_SECONDS = 30;

interface RequestContext {
  readonly request: Request;
  readonly server: Server<unknown> | null;
}

/**
 * Adds event streams to an Elysia app: routes receive `stream` in their context.
 * @example new Elysia().use(streaming()).get("/clock", ({ stream }) => stream(ticks)).listen(3000);
 */
export function streaming(options: StreamingOptions = {}) {
  let idleTimeout = IDLE_TIMEOUT_SECONDS;
  // Elysia ignores a plugin that the app already uses. A unique seed distinguishes a plugin with options.
  const seed = Object.keys(options).length > 0 ? crypto.randomUUID() : undefined;
  return new Elysia({ name: "thump-stream", seed })
    .onStart((app) => {
      idleTimeout = app.config.serve?.idleTimeout ?? IDLE_TIMEOUT_SECONDS;
    })
    .derive({ as: "global" }, ({ request, server }) => ({
      stream: ((source: Source<unknown>, own?: StreamOptions) =>
        openStream(
          source,
          { request, server },
          { ...options, ...own },
          idleTimeout,
        )) as unknown as StreamFunction,
    }));
}

function openStream(
  source: Source<unknown>,
  { request, server }: RequestContext,
  options: StreamOptions,
  idleTimeout: number,
): Response {
  const keepAlive = options.keepAlive ?? KEEP_ALIVE_MS;
  const lastEventId = readLastEventId(request);
  // Only functions can continue after the last event id. Other sources start at the beginning.
  const first = typeof source === "function" ? wholeNumber(lastEventId) : 0;
  const writer = new EventWriter(options.numbered ? first : undefined);
  const body = new StreamBody(source, {
    lastEventId,
    encode: (item) => writer.write(item),
    retry: options.retry,
    greets: true,
    keepAlive: server ? keepAlive : Math.min(keepAlive, KEEP_ALIVE_UNKNOWN_MS),
    stallTimeout: options.stallTimeout ?? STALL_TIMEOUT_MS,
    maxBuffered: options.maxBuffered ?? MAX_BUFFERED_BYTES,
    onClose: options.onClose,
    onError: options.onError ?? reportError,
  });
  return respond(body, { request, server, gzip: options.gzip ?? true, idleTimeout });
}

export function reportError(error: unknown): void {
  console.error("thump/stream: a stream failed:", error);
}

const decoder = new TextDecoder();

/** Reads the id from the header, or from the query for polyfills, which cannot set the header. */
function readLastEventId(request: Request): string | undefined {
  const header = request.headers.get("last-event-id");
  // Clients send UTF-8, but Bun decodes header values as Latin-1.
  if (header) return decoder.decode(Buffer.from(header, "latin1"));
  const { url } = request;
  if (!url.includes("lastEventId=")) return undefined;
  return new URL(url).searchParams.get("lastEventId") ?? undefined;
}
