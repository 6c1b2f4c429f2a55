// The room routes: publish, subscribe, read the history or the members, and delete the history.
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

/** Maximum duration of a poll. Proxies such as nginx time out after 60 s without a response. */
const MAX_WAIT_SECONDS = 50;
/**
 * Query parameters that `GET /rooms/:room` accepts for reads and polls. Streams and sockets also accept unknown
 * parameters.
 */
const READ_PARAMETERS = ["after", "last", "wait", "max", "echo", "presence"];
const AUTH_HINT = "This server requires a token or an API key.";

const jsonHeaders = {
  headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" },
};

/** `POST /rooms/:room`: publishes the body. */
export async function publish(http: HandlerContext): Promise<Response> {
  const { service, request, context, names } = http;
  const { headers } = request;
  const room = readRoom(names);
  const content = await readPublication(http, room);
  const publication = await service.publish(context, {
    room,
    content,
    event: readHeader(headers, "event"),
    key: readHeader(headers, "idempotency-key"),
    traceparent: service.traceOf(context, request),
  });
  return Response.json({ at: service.hub.cursorAt(publication.seq) }, { status: 201 });
}

/** Reads the body. A publication that is rejected before or during the read is charged too. */
async function readPublication(http: HandlerContext, room: string): Promise<Content> {
  const { service, context } = http;
  try {
    // A client that may not publish is rejected before it sends the body.
    if (service.isSecured) await service.check(context, "publish", room);
    return await readContent(http, service.maxMessage);
  } catch (error) {
    service.takeRate(context, "publishes");
    throw error;
  }
}

/** `GET /rooms/:room`: a raw socket, an event stream, NDJSON or JSON, depending on the headers. */
export function getRoom(http: HandlerContext): HandlerResult | Promise<HandlerResult> {
  const { service, request, context, names } = http;
  const room = readRoom(names);
  const accept = request.headers.get("accept") ?? "";
  const streams = isUpgrade(request) || isStream(request, accept);
  const query = readQuery(request, streams ? undefined : READ_PARAMETERS);
  const start = readStart(request, query);
  const wait = Math.min(MAX_WAIT_SECONDS, Number(query.wait ?? 0));
  const subscribe = (open: (joins: AuthorizedStarts) => HandlerResult | Promise<HandlerResult>) =>
    andThen(authorizeJoins(service, context, startAll([room], start)), (joins) => {
      service.checkOpen(context, [room]);
      return open(joins);
    });
  if (start.presence && !isStream(request, accept)) {
    throw new ThumpError(
      "invalid-query",
      "presence=1 requires an event stream, NDJSON or /ws. For the current members, use GET /rooms/:room/members.",
    );
  }
  if (streams || wait > 0) service.takeRate(context, "joins");
  if (isUpgrade(request))
    return subscribe((joins) =>
      openSocket(http, new RawSocket(service, context, room, joins, query.echo === "1")),
    );
  if (asksForEvents(request)) return subscribe((joins) => openRoomStream(http, eventStream, joins));
  if (accept.includes("application/x-ndjson"))
    return subscribe((joins) => openRoomStream(http, ndjson, joins));
  if (wait > 0)
    return subscribe((joins) => openPoll(http, room, joins, wait, (from) => readHistory(http, room, from)));
  return service.whenAllowed(context, "history", room, () => readHistory(http, room, start));
}

/** Calls `run` with the value, immediately if the value is not a promise. */
function andThen<T, R>(value: T | Promise<T>, run: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(run) : run(value);
}

/** `GET /events?room=a&room=b`: an event stream of several rooms. */
export function streamRooms(http: HandlerContext): Response | Promise<Response> {
  const { service, request, context } = http;
  const query = readQuery(request);
  if (query.rooms.length === 0)
    throw new ThumpError("invalid-query", "At least one room is required: /events?room=a&room=b.");
  const start = readStart(request, query);
  return andThen(chargeAndAuthorize(http, query.rooms, start), (joins) => {
    service.checkOpen(context, joins.starts.keys());
    return openRoomStream(http, envelopeStream, joins);
  });
}

/** `POST /events`: a multiplexed stream of the rooms in the body. */
export async function openMultiplexedStream(http: HandlerContext, maxBody: number): Promise<Response> {
  const { service, context } = http;
  service.checkAuthenticated(context, AUTH_HINT);
  const { roomsPerSession } = service.hub;
  const items = await readItems(http, maxBody, roomsPerSession, () => tooManyRooms(service));
  chargeJoins(http, items.texts.length);
  const joins = await parseJoins(items);
  const rooms = joins.map(({ room }) => room);
  const create = (coding: ContentCoding) => new MultiplexedStream(service, context, coding, joins);
  return openStream(http, multiplexedStream, rooms, create);
}

/** `GET /ws?room=a&room=b`: a multiplexed socket that joins these rooms at once. */
export function openMultiplexedSocket(http: HandlerContext): HandlerResult | Promise<HandlerResult> {
  const { service, request, context } = http;
  const query = readQuery(request);
  service.checkAuthenticated(context, AUTH_HINT);
  const start = readStart(request, query);
  return andThen(chargeAndAuthorize(http, query.rooms, start), (joins) => {
    if (!isUpgrade(request))
      throw new ThumpError("unsupported-type", "This is a WebSocket route. Connect with new WebSocket(url).");
    service.checkOpen(context, query.rooms);
    return openSocket(http, new MultiplexedSocket(service, context, joins));
  });
}

/** `GET /rooms/:room/members`: the members of a room. */
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

/** `DELETE /rooms/:room/history`: deletes the stored messages of a room. */
export async function forgetHistory({ service, request, context, names }: HandlerContext): Promise<Response> {
  // A client that sends an unknown parameter may expect it to limit the deletion.
  readQuery(request, []);
  await service.forget(context, readRoom(names));
  return new Response(null, { status: 204 });
}

function isStream(request: Request, accept: string): boolean {
  return !isUpgrade(request) && /text\/event-stream|application\/x-ndjson/.test(accept);
}

/** Whether a successful response to `GET /rooms/:room` would be an event stream. */
export function asksForEvents(request: Request): boolean {
  return !isUpgrade(request) && (request.headers.get("accept") ?? "").includes("text/event-stream");
}

function isUpgrade(request: Request): boolean {
  return request.headers.get("upgrade")?.toLowerCase() === "websocket";
}

function tooManyRooms({ hub }: RoomService): ThumpError {
  return new ThumpError("limit", `A session can join at most ${hub.roomsPerSession} rooms.`);
}

function chargeJoins({ service, context }: HandlerContext, count: number): void {
  if (count > service.hub.roomsPerSession) throw tooManyRooms(service);
  if (count > 0) service.takeRate(context, "joins", count);
}

function chargeAndAuthorize(
  http: HandlerContext,
  rooms: string[],
  start: JoinStart,
): AuthorizedStarts | Promise<AuthorizedStarts> {
  const starts = startAll(rooms, start);
  chargeJoins(http, starts.size);
  return authorizeJoins(http.service, http.context, starts);
}

async function readHistory(
  { service, context }: HandlerContext,
  room: string,
  start: JoinStart,
): Promise<Response> {
  return new Response(await historyAnswer(service, context, room, start), jsonHeaders);
}
