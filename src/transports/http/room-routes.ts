// A room as a URL: POST to speak, GET to listen in any of its forms, DELETE to forget.
import type { RequestContext } from "../../auth/principal.ts";
import { type AuthorizedStarts, authorizeJoins } from "../../service/authorize-joins.ts";
import type { RoomService } from "../../service/room-service.ts";
import type { ContentCoding } from "../../hub/content-coding.ts";
import { startAll, type JoinStart } from "../../hub/join.ts";
import { ThumpError } from "../../protocol/codes.ts";
import type { Content } from "../../protocol/content.ts";
import { envelopeStream, eventStream, multiplexedStream, ndjson } from "../../protocol/formats.ts";
import { historyAnswer, membersAnswer } from "../room-answers.ts";
import { readContent, readItems } from "./read-body.ts";
import type { HandlerResult, HandlerContext } from "./handler-context.ts";
import { MultiplexedSocket } from "../websocket/multiplexed-socket.ts";
import { MultiplexedStream, parseJoins } from "../stream/multiplexed-stream.ts";
import { openRoomStream, openSocket, openStream, openPoll } from "../open-session.ts";
import { RawSocket } from "../websocket/raw-socket.ts";
import { readHeader, readQuery, readRoom, readStart } from "./read-request.ts";

/** The longest that a poll waits, in seconds. Proxies such as nginx give up after 60 s without an answer. */
const MAX_WAIT_SECONDS = 50;
/** The query parameters of a plain read. `GET /rooms/:room` shares its own with streams and sockets. */
const READ_PARAMETERS = ["after", "last", "wait", "max", "echo", "presence"];
const AUTH_HINT = "This server takes a token or an API key.";

const jsonHeaders = {
  headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" },
};

/** `POST /rooms/:room`: publishes the body. */
export async function publish({ service, request, context, names }: HandlerContext): Promise<Response> {
  const { headers } = request;
  const room = readRoom(names);
  const content = await readPublication(service, request, context, room);
  const publication = await service.publish(context, {
    room,
    content,
    event: readHeader(headers, "event"),
    key: readHeader(headers, "idempotency-key"),
    traceparent: service.traceOf(context, request),
  });
  return Response.json({ at: service.hub.cursorAt(publication.seq) }, { status: 201 });
}

/** A publication that is refused before its data is there is counted as one all the same. */
async function readPublication(
  service: RoomService,
  request: Request,
  context: RequestContext,
  room: string,
): Promise<Content> {
  try {
    // Whose publication is not wanted need not send it.
    if (service.isSecured) await service.check(context, "publish", room);
    return await readContent(service, context, request, service.maxMessage);
  } catch (error) {
    service.takeRate(context, "publishes");
    throw error;
  }
}

/** `GET /rooms/:room`: a raw socket, an event stream, NDJSON, or JSON, as the client asks. */
export function getRoom(http: HandlerContext): HandlerResult | Promise<HandlerResult> {
  const { service, request, context, names } = http;
  const room = readRoom(names);
  const accept = request.headers.get("accept") ?? "";
  const streams = isUpgrade(request) || isStream(request, accept);
  const query = readQuery(request, streams ? undefined : READ_PARAMETERS);
  const start = readStart(request, query);
  const wait = Math.min(MAX_WAIT_SECONDS, Number(query.wait ?? 0));
  const listening = (run: (joins: AuthorizedStarts) => HandlerResult | Promise<HandlerResult>) =>
    andThen(authorizeJoins(service, context, startAll([room], start)), (joins) => {
      service.checkOpen(context, [room]);
      return run(joins);
    });
  if (start.presence && !isStream(request, accept)) {
    throw new ThumpError(
      "invalid-query",
      "presence=1 is for event streams, NDJSON and /ws. Who is there now: GET /rooms/:room/members.",
    );
  }
  if (streams || wait > 0) service.takeRate(context, "joins");
  if (isUpgrade(request))
    return listening((joins) =>
      openSocket(http, new RawSocket(service, context, room, joins, query.echo === "1")),
    );
  if (asksForEvents(request)) return listening((joins) => openRoomStream(http, eventStream, joins));
  if (accept.includes("application/x-ndjson"))
    return listening((joins) => openRoomStream(http, ndjson, joins));
  if (wait > 0)
    return listening((joins) =>
      openPoll(http, room, joins, wait, (from) => state(service, context, room, from)),
    );
  return service.whenAllowed(context, "history", room, () => state(service, context, room, start));
}

/** Goes on at once where nothing has to be waited for. */
function andThen<T, R>(value: T | Promise<T>, run: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(run) : run(value);
}

/** `GET /events?room=a&room=b`: an event stream of several rooms. */
export function streamRooms(http: HandlerContext): Response | Promise<Response> {
  const { service, request, context } = http;
  const query = readQuery(request);
  if (query.rooms.length === 0)
    throw new ThumpError("invalid-query", "Name at least one room: /events?room=a&room=b.");
  const start = readStart(request, query);
  return andThen(chargeAndAuthorize(service, context, query.rooms, start), (joins) => {
    service.checkOpen(context, joins.starts.keys());
    return openRoomStream(http, envelopeStream, joins);
  });
}

/** `POST /events`: the multiplexed stream, of the rooms in the body. */
export async function openMultiplexedStream(http: HandlerContext, maxBody: number): Promise<Response> {
  const { service, request, context } = http;
  service.checkAuthenticated(context, AUTH_HINT);
  const { roomsPerSession } = service.hub;
  const items = await readItems(service, context, request, maxBody, roomsPerSession, () =>
    tooManyRooms(service),
  );
  takeJoins(service, context, items.texts.length);
  const joins = await parseJoins(items);
  const rooms = joins.map(({ room }) => room);
  const create = (coding: ContentCoding) => new MultiplexedStream(service, context, coding, joins);
  return openStream(http, multiplexedStream, rooms, create);
}

/** `GET /ws?room=a&room=b`: the multiplexed socket, in these rooms from the start. */
export function openMultiplexedSocket(http: HandlerContext): HandlerResult | Promise<HandlerResult> {
  const { service, request, context } = http;
  const query = readQuery(request);
  service.checkAuthenticated(context, AUTH_HINT);
  const start = readStart(request, query);
  return andThen(chargeAndAuthorize(service, context, query.rooms, start), (joins) => {
    if (!isUpgrade(request))
      throw new ThumpError("unsupported-type", "This is a WebSocket: connect with new WebSocket(url).");
    service.checkOpen(context, query.rooms);
    return openSocket(http, new MultiplexedSocket(service, context, joins));
  });
}

/** `GET /rooms/:room/members`: who is there. */
export function listMembers({
  service,
  request,
  context,
  names,
}: HandlerContext): Response | Promise<Response> {
  const room = readRoom(names);
  readQuery(request, []);
  return service.whenAllowed(context, "members", room, () =>
    andThen(membersAnswer(service, room), (text) => new Response(text, jsonHeaders)),
  );
}

/** `DELETE /rooms/:room/history`: forgets what is kept. */
export async function forgetHistory({ service, request, context, names }: HandlerContext): Promise<Response> {
  // A parameter that is not known may be meant to forget less.
  readQuery(request, []);
  await service.forget(context, readRoom(names));
  return new Response(null, { status: 204 });
}

function isStream(request: Request, accept: string): boolean {
  return !isUpgrade(request) && /text\/event-stream|application\/x-ndjson/.test(accept);
}

/** Whether a successful response of `GET /rooms/:room` is an event stream. */
export function asksForEvents(request: Request): boolean {
  return !isUpgrade(request) && (request.headers.get("accept") ?? "").includes("text/event-stream");
}

function isUpgrade(request: Request): boolean {
  return request.headers.get("upgrade")?.toLowerCase() === "websocket";
}

function tooManyRooms({ hub }: RoomService): ThumpError {
  return new ThumpError("limit", `A session may be in ${hub.roomsPerSession} rooms.`);
}

function takeJoins(service: RoomService, context: RequestContext, count: number): void {
  if (count > service.hub.roomsPerSession) throw tooManyRooms(service);
  if (count > 0) service.takeRate(context, "joins", count);
}

function chargeAndAuthorize(
  service: RoomService,
  context: RequestContext,
  rooms: string[],
  start: JoinStart,
): AuthorizedStarts | Promise<AuthorizedStarts> {
  const starts = startAll(rooms, start);
  takeJoins(service, context, starts.size);
  return authorizeJoins(service, context, starts);
}

async function state(
  service: RoomService,
  context: RequestContext,
  room: string,
  start: JoinStart,
): Promise<Response> {
  return new Response(await historyAnswer(service, context, room, start), jsonHeaders);
}
