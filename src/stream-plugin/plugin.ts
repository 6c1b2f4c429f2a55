// The Elysia plugin: `stream` in the context of routes.
import type { Server } from "bun";
import { Elysia } from "elysia";
import { respond } from "./response.ts";
import { type Items, type Source, type SourceCallback, type SourceFactory, wholeNumber } from "./source.ts";
import { type EventOf, EventWriter } from "./sse.ts";
import { StreamBody } from "./stream-body.ts";
import type { StreamEnd } from "./stream-end.ts";

/** Options of all streams of an app. */
export interface StreamingOptions {
  /** The time that clients wait before they reconnect, in ms. Default: the client's own, 3000 in most browsers. */
  retry?: number | undefined;
  /** The time without events after which a comment is sent, so that no proxy ends the connection, in ms. 0: never. Default 15000. */
  keepAlive?: number | undefined;
  /** Whether to compress for clients that accept gzip. Each chunk can be read at once. Default true. */
  gzip?: boolean | undefined;
  /** A client that has read nothing for this time is disconnected, in ms. Default 60000. */
  stallTimeout?: number | undefined;
  /** The most bytes that wait for a client because a callback does not wait for `send()`. Default 1048576. */
  maxBuffered?: number | undefined;
  /** Receives errors of sources and of close hooks. The stream of a failed source ends. Default: `console.error`. */
  onError?: ((error: unknown) => void) | undefined;
}

/** Options of one stream. */
export interface StreamOptions extends StreamingOptions {
  /**
   * Whether events without an id are numbered, from 1. For a function the numbers continue after `Last-Event-ID`; for other
   * sources they restart with each client. Default false.
   */
  numbered?: boolean | undefined;
  /** Called once when the stream has ended, for whatever reason. A promise is not awaited. */
  onClose?: ((end: StreamEnd) => unknown) | undefined;
}

/**
 * The result of `stream()`. At run time it is a `Response`. Its type is the one from which Eden Treaty derives the
 * client's events.
 */
export type StreamAnswer<Item> = AsyncGenerator<EventOf<Item>, void, unknown>;

/**
 * Answers a request with an event stream. The overloads share the type of the context: TypeScript takes the type of a
 * function's parameter from the first one.
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
/** A server that is unknown may end silent connections after 10 s, Bun's default. */
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
 * Event streams for the routes of an Elysia app: adds `stream` to their context.
 * @example new Elysia().use(streaming()).get("/clock", ({ stream }) => stream(ticks)).listen(3000);
 */
export function streaming(options: StreamingOptions = {}) {
  let idleTimeout = IDLE_TIMEOUT_SECONDS;
  // Elysia drops a plugin that it already has. With options of its own it is a different one.
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
  // Sources other than functions do not know what the client has.
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

/** From the header or, as polyfills cannot set it, from the query. */
function readLastEventId(request: Request): string | undefined {
  const header = request.headers.get("last-event-id");
  // Clients send UTF-8, and header values are decoded as Latin-1.
  if (header) return decoder.decode(Buffer.from(header, "latin1"));
  const { url } = request;
  if (!url.includes("lastEventId=")) return undefined;
  return new URL(url).searchParams.get("lastEventId") ?? undefined;
}
