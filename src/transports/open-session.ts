// Opens a session for a request: a socket, a stream or a long poll. Opens nothing if the client has already
// disconnected.
import type { Server } from "bun";
import type { AuthorizedStarts } from "../service/authorize-joins.ts";
import type { RoomService } from "../service/room-service.ts";
import { type ContentCoding, negotiateCoding, identity } from "../hub/content-coding.ts";
import { startAll, type JoinStart } from "../hub/join.ts";
import type { Cursor } from "../protocol/cursor.ts";
import type { StreamFormat } from "../protocol/formats.ts";
import type { HandlerContext } from "./http/handler-context.ts";
import { upgrade } from "./websocket/handshake.ts";
import { waitForPublication } from "./http/long-poll.ts";
import { streamHeaders } from "./http/error-response.ts";
import { RoomStream } from "./stream/room-stream.ts";
import type { SocketSession } from "./websocket/socket-session.ts";
import type { StreamSession } from "./stream/stream-session.ts";

/**
 * For requests that did not come directly from Bun's server: the time after which streams send a keep-alive and polls
 * are answered. Bun closes connections that are silent for 10 s, and the timeout cannot be lifted for these requests.
 * Their client address is unknown for the same reason.
 */
const KEEP_OPEN_MS = 5000;

/** The response to a client that has disconnected. The response is never read, and does not count as an error. */
export function clientGone(): Response {
  return new Response(null, { status: 499 });
}

/** Upgrades a request to a WebSocket. Returns undefined if that succeeded. */
export function openSocket(
  { service, request, server }: HandlerContext,
  session: SocketSession,
): Response | undefined {
  // `upgrade` opens the socket synchronously, so no other session can be added between this check and the open.
  service.checkSessionLimit(session);
  if (request.signal.aborted) return clientGone();
  upgrade(server, request, session);
  return undefined;
}

/** Opens a stream of one or more rooms that share a start position. */
export function openRoomStream(
  http: HandlerContext,
  format: StreamFormat,
  joins: AuthorizedStarts,
): Response {
  const { service, context } = http;
  const create = (coding: ContentCoding) => new RoomStream(service, context, format, coding, joins);
  return openStream(http, format, [...joins.starts.keys()], create);
}

/** Opens a stream and returns the response that carries it. @throws ThumpError `busy`, `rate` */
export function openStream(
  { service, request, server, context }: HandlerContext,
  format: StreamFormat,
  rooms: string[],
  create: (coding: ContentCoding) => StreamSession,
): Response {
  // The client may have disconnected during an earlier `await`. Listeners added now would not be called.
  if (request.signal.aborted) return clientGone();
  const compress = rooms.every((room) => service.hub.ruleOf(room).compressStreams);
  const coding = compress ? negotiateCoding(request.headers.get("accept-encoding")) : identity;
  // A response to HEAD has no body, so it needs no session.
  if (request.method === "HEAD") {
    service.checkSessionLimit(context);
    return new Response(null, { headers: streamHeaders(format) });
  }
  const session = create(coding);
  service.admit(session);
  if (context.address === undefined) session.keepAwake(KEEP_OPEN_MS);
  return session.respond(holdOpen(service, request, server));
}

/**
 * Opens a long poll. Responds immediately if there is a publication after the cursor; otherwise, when one arrives or
 * the poll times out.
 * @param read creates the response from a start position
 */
export async function openPoll(
  { service, request, server, context }: HandlerContext,
  room: string,
  joins: AuthorizedStarts,
  seconds: number,
  read: (start: JoinStart) => Promise<Response>,
): Promise<Response> {
  const { hub } = service;
  const { signal } = request;
  const start = joins.starts.get(room) as JoinStart;
  // Without a cursor, the response contains the newest stored messages, if there are any.
  if (!start.after && start.last && (await service.history(room, { last: 1 })).publications.length > 0)
    return signal.aborted ? clientGone() : read(start);
  await service.catchUpTo(start.after);
  if (signal.aborted) return clientGone();
  const after: Cursor = start.after ?? { epoch: hub.epoch, seq: hub.position };
  const release = holdOpen(service, request, server);
  try {
    const longest = context.address === undefined ? KEEP_OPEN_MS : Number.POSITIVE_INFINITY;
    const requested = startAll([room], { after });
    const starts =
      start.notBefore === undefined ? requested : startAll([room], { after, notBefore: start.notBefore });
    const waiting = { ...joins, requested, starts };
    await waitForPublication(service, context, waiting, Math.min(seconds * 1000, longest), signal);
    return signal.aborted ? clientGone() : await read({ ...start, after, last: undefined });
  } finally {
    release();
  }
}

/**
 * Lifts Bun's idle timeout for a connection while a request waits or streams. Returns a function that restores the
 * timeout. The function must be called before the response ends, because the timeout belongs to the connection, which
 * can carry more requests.
 */
function holdOpen(service: RoomService, request: Request, server: Server<unknown> | null): () => void {
  server?.timeout(request, 0);
  return () => server?.timeout(request, service.idleTime);
}
