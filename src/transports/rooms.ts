// A room as a URL: POST to speak, GET to listen in any of its forms, DELETE to forget.
import type { Server } from "bun";
import type { Asker } from "../access/caller.ts";
import type { Door } from "../access/door.ts";
import { startAll, type Start, type Starts } from "../hub/joining.ts";
import { ThumpError } from "../protocol/codes.ts";
import type { Content } from "../protocol/content.ts";
import { formatCursor } from "../protocol/cursor.ts";
import {
  envelopeStream,
  eventStream,
  multiplexedStream as multiplexedFormat,
  ndjson,
} from "../protocol/formats.ts";
import { historyAnswer, membersAnswer } from "./answers.ts";
import { readContent, readItems } from "./body.ts";
import { MultiplexedSocket } from "./multiplexed-socket.ts";
import { MultiplexedStream, parseJoins } from "./multiplexed-stream.ts";
import { openRoomStream, openSocket, openStream, poll } from "./open.ts";
import type { Names } from "./path.ts";
import { RawSocket } from "./raw-socket.ts";
import { readHeader, readQuery, readRoom, readStart, traceparentOf } from "./request.ts";

/** The longest that a poll waits, in seconds. Proxies such as nginx give up after 60 s without an answer. */
const MAX_WAIT = 50;
/** The query parameters of a plain read. `GET /rooms/:room` shares its own with streams and sockets. */
const READS = ["after", "last", "wait", "max", "echo", "presence"];
const KNOWN = "This server takes a token or an API key.";

const jsonHeaders = {
  headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" },
};

/** `POST /rooms/:room`: publishes the body. */
export async function publish(
  door: Door,
  request: Request,
  _server: unknown,
  asker: Asker,
  names: Names,
): Promise<Response> {
  const { headers } = request;
  const room = readRoom(names);
  const content = await readPublication(door, request, asker, room);
  const publication = await door.publish(asker, {
    room,
    content,
    event: readHeader(headers, "event"),
    key: readHeader(headers, "idempotency-key"),
    traceparent: traceparentOf(door, request, asker),
  });
  return Response.json({ at: formatCursor(door.hub.log.epoch, publication.seq) }, { status: 201 });
}

/** A publication that is refused before its data is there is counted as one all the same. */
async function readPublication(door: Door, request: Request, asker: Asker, room: string): Promise<Content> {
  try {
    // Whose publication is not wanted need not send it.
    if (door.policy.secured) await door.check(asker, "publish", room);
    return await readContent(door, asker, request, door.maxMessage);
  } catch (error) {
    door.limiter.take(asker, "publishes");
    throw error;
  }
}

/** `GET /rooms/:room`: a raw socket, an event stream, NDJSON, or JSON, as the client asks. */
export function listen(
  door: Door,
  request: Request,
  server: Server<unknown> | null,
  asker: Asker,
  names: Names,
): Answer | Promise<Answer> {
  const room = readRoom(names);
  const accept = request.headers.get("accept") ?? "";
  const streams = isUpgrade(request) || isStream(request, accept);
  const query = readQuery(request, streams ? undefined : READS);
  const start = readStart(request, query);
  const wait = Math.min(MAX_WAIT, Number(query.wait ?? 0));
  const opening = { door, request, server, asker };
  const listening = (run: (start: Start) => Answer | Promise<Answer>) =>
    andThen(door.checkStart(asker, room, start), (bounded) => {
      door.checkOpen(asker, [room]);
      return run(bounded);
    });
  if (start.presence && !isStream(request, accept)) {
    throw new ThumpError(
      "invalid-query",
      "presence=1 is for event streams, NDJSON and /ws. Who is there now: GET /rooms/:room/members.",
    );
  }
  if (streams || wait > 0) door.limiter.take(asker, "joins");
  if (isUpgrade(request))
    return listening(() => openSocket(opening, new RawSocket(door, asker, room, start, query.echo === "1")));
  if (asksForEvents(request))
    return listening(() => openRoomStream(opening, eventStream, startAll([room], start)));
  if (accept.includes("application/x-ndjson"))
    return listening(() => openRoomStream(opening, ndjson, startAll([room], start)));
  if (wait > 0)
    return listening((bounded) =>
      poll(opening, room, bounded, wait, (from) => state(door, asker, room, from)),
    );
  return door.allow(asker, "history", room, () => state(door, asker, room, start));
}

/** Nothing where the request has become a socket. */
type Answer = Response | undefined;

/** Goes on at once where nothing has to be waited for. */
function andThen<T, R>(value: T | Promise<T>, run: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(run) : run(value);
}

/** `GET /events?room=a&room=b`: an event stream of several rooms. */
export function events(
  door: Door,
  request: Request,
  server: Server<unknown> | null,
  asker: Asker,
): Response | Promise<Response> {
  const query = readQuery(request);
  if (query.rooms.length === 0)
    throw new ThumpError("invalid-query", "Name at least one room: /events?room=a&room=b.");
  const start = readStart(request, query);
  const starts = startAll(query.rooms, start);
  return andThen(checkRooms(door, asker, starts), () => {
    door.checkOpen(asker, starts.keys());
    return openRoomStream({ door, request, server, asker }, envelopeStream, starts);
  });
}

/** `POST /events`: the multiplexed stream, of the rooms in the body. */
export async function multiplexedStream(
  door: Door,
  request: Request,
  server: Server<unknown> | null,
  asker: Asker,
  maxBody: number,
): Promise<Response> {
  door.policy.checkShown(asker, KNOWN);
  const { roomsPerSession } = door.hub;
  const items = await readItems(door, asker, request, maxBody, roomsPerSession, () => tooManyRooms(door));
  takeJoins(door, asker, items.texts.length);
  const joins = await parseJoins(items);
  const rooms = joins.map(({ room }) => room);
  return openStream(
    { door, request, server, asker },
    multiplexedFormat,
    rooms,
    (coding) => new MultiplexedStream(door, asker, coding, joins),
  );
}

/** `GET /ws?room=a&room=b`: the multiplexed socket, in these rooms from the start. */
export function multiplexed(
  door: Door,
  request: Request,
  server: Server<unknown> | null,
  asker: Asker,
): Answer | Promise<Answer> {
  const query = readQuery(request);
  door.policy.checkShown(asker, KNOWN);
  const start = readStart(request, query);
  return andThen(checkRooms(door, asker, startAll(query.rooms, start)), () => {
    if (!isUpgrade(request))
      throw new ThumpError("unsupported-type", "This is a WebSocket: connect with new WebSocket(url).");
    door.checkOpen(asker, query.rooms);
    return openSocket(
      { door, request, server, asker },
      new MultiplexedSocket(door, asker, query.rooms, start),
    );
  });
}

/** `GET /rooms/:room/members`: who is there. */
export function members(
  door: Door,
  request: Request,
  _server: unknown,
  asker: Asker,
  names: Names,
): Response | Promise<Response> {
  const room = readRoom(names);
  readQuery(request, []);
  return door.allow(asker, "members", room, () =>
    andThen(membersAnswer(door.hub, room), (text) => new Response(text, jsonHeaders)),
  );
}

/** `DELETE /rooms/:room/history`: forgets what is kept. */
export async function forget(
  door: Door,
  request: Request,
  _server: unknown,
  asker: Asker,
  names: Names,
): Promise<Response> {
  // A parameter that is not known may be meant to forget less.
  readQuery(request, []);
  await door.forget(asker, readRoom(names));
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

function tooManyRooms({ hub }: Door): ThumpError {
  return new ThumpError("limit", `A session may be in ${hub.roomsPerSession} rooms.`);
}

function takeJoins(door: Door, asker: Asker, count: number): void {
  if (count > door.hub.roomsPerSession) throw tooManyRooms(door);
  if (count > 0) door.limiter.take(asker, "joins", count);
}

function checkRooms(door: Door, asker: Asker, starts: Starts): unknown {
  takeJoins(door, asker, starts.size);
  return door.checkStarts(asker, starts);
}

async function state(door: Door, asker: Asker, room: string, start: Start): Promise<Response> {
  return new Response(await historyAnswer(door, asker, room, start), jsonHeaders);
}
