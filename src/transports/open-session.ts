// Opens the session of a request: a socket, a stream or a poll. A client that has left meanwhile gets none.
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
 * Bun closes a connection that is silent for 10 s. A request that does not come straight from Bun's server, whose
 * address is not known for that reason, cannot be exempted: its stream says something, and its poll is answered, after
 * this time, in ms.
 */
const KEEP_OPEN_MS = 5000;

/** The response to a client that has left: no client reads it, and it counts as no error. */
export function clientGone(): Response {
  return new Response(null, { status: 499 });
}

/** Returns nothing where the request has become a socket. */
export function openSocket(
  { service, request, server }: HandlerContext,
  session: SocketSession,
): Response | undefined {
  // Bun opens the socket, and the session enters, within `upgrade`: no other session takes the place in between.
  service.checkSessionLimit(session);
  if (request.signal.aborted) return clientGone();
  upgrade(server, request, session);
  return undefined;
}

/** Opens a stream of rooms that start at one cursor. */
export function openRoomStream(
  http: HandlerContext,
  format: StreamFormat,
  joins: AuthorizedStarts,
): Response {
  const { service, context } = http;
  const create = (coding: ContentCoding) => new RoomStream(service, context, format, coding, joins);
  return openStream(http, format, [...joins.starts.keys()], create);
}

export function openStream(
  { service, request, server, context }: HandlerContext,
  format: StreamFormat,
  rooms: string[],
  create: (coding: ContentCoding) => StreamSession,
): Response {
  // It may have left during an await before this. The signal does not fire again for listeners that are added late.
  if (request.signal.aborted) return clientGone();
  const asked = rooms.every((room) => service.hub.ruleOf(room).compressStreams);
  const coding = asked ? negotiateCoding(request.headers.get("accept-encoding")) : identity;
  // A response to HEAD has no body that could end, so it begins no session.
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
 * Responds at once if there is a publication after the cursor, else when one comes or the time is over.
 * @param state reads the response's content
 */
export async function openPoll(
  { service, request, server, context }: HandlerContext,
  room: string,
  joins: AuthorizedStarts,
  seconds: number,
  state: (start: JoinStart) => Promise<Response>,
): Promise<Response> {
  const { hub } = service;
  const { signal } = request;
  const start = joins.starts.get(room) as JoinStart;
  // Without a cursor there may be something already among the newest that were asked for.
  if (!start.after && start.last && (await service.history(room, { last: 1 })).publications.length > 0)
    return signal.aborted ? clientGone() : state(start);
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
    return signal.aborted ? clientGone() : await state({ ...start, after, last: undefined });
  } finally {
    release();
  }
}

/**
 * Keeps Bun from closing a connection that is silent while a request waits or streams. Returns what ends that: it is
 * to be called before the response ends, because the timeout belongs to the connection and would outlive the request.
 */
function holdOpen(service: RoomService, request: Request, server: Server<unknown> | null): () => void {
  server?.timeout(request, 0);
  return () => server?.timeout(request, service.idleTime);
}
