// A room as a URL: POST to speak, GET to listen in any of its forms, DELETE to forget.
import type { Server } from "bun";
import type { Door } from "../access/door.ts";
import type { Start } from "../hub/hub.ts";
import { ThumpError } from "../protocol/codes.ts";
import { type Cursor, formatCursor } from "../protocol/cursor.ts";
import { envelopeStream, eventStream, ndjson, type StreamFormat } from "../protocol/formats.ts";
import { historyAnswer, membersAnswer } from "./answers.ts";
import { MultiplexedSocket } from "./multiplexed-socket.ts";
import { waitForPublication } from "./poll.ts";
import { RawSocket } from "./raw-socket.ts";
import { readContent, readQuery, readRoom, readStart, traceparentOf } from "./request.ts";
import { type SocketSession, upgrade } from "./socket.ts";
import { StreamSession } from "./stream.ts";

/** The longest that a poll waits, in seconds. */
const MAX_WAIT = 60;

const jsonHeaders = {
  headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" },
};

/** `POST /rooms/:room`: publishes the body. */
export async function publish(door: Door, request: Request): Promise<Response> {
  const { headers } = request;
  const room = readRoom(request);
  const content = await readContent(request, door.maxMessage);
  const publication = await door.publish(
    {},
    {
      room,
      content,
      event: headers.get("event") ?? undefined,
      key: headers.get("idempotency-key") ?? undefined,
      traceparent: traceparentOf(door, request),
    },
  );
  return Response.json({ at: formatCursor(door.hub.log.epoch, publication.seq) }, { status: 201 });
}

/** `GET /rooms/:room`: a raw socket, an event stream, NDJSON, or JSON, as the client asks. */
export function listen(
  door: Door,
  request: Request,
  server: Server<unknown> | null,
): Response | Promise<Response> | undefined {
  const room = readRoom(request);
  door.checkJoin(room);
  const query = readQuery(request);
  const start = readStart(request, query);
  if (isUpgrade(request))
    return socket(server, request, new RawSocket(door, room, start, query.echo === "1"));
  const accept = request.headers.get("accept") ?? "";
  if (accept.includes("text/event-stream")) return stream(door, request, server, eventStream, [room], start);
  if (accept.includes("application/x-ndjson")) return stream(door, request, server, ndjson, [room], start);
  const wait = Math.min(MAX_WAIT, Number(query.wait ?? 0));
  return wait > 0 ? poll(door, request, server, room, start, wait) : state(door, room, start);
}

/** `GET /events?room=a&room=b`: an event stream of several rooms. */
export function events(door: Door, request: Request, server: Server<unknown> | null): Response {
  const query = readQuery(request);
  if (query.rooms.length === 0)
    throw new ThumpError("invalid-query", "Name at least one room: /events?room=a&room=b.");
  checkRooms(door, query.rooms);
  return stream(door, request, server, envelopeStream, query.rooms, readStart(request, query));
}

/** `GET /ws?room=a&room=b`: the multiplexed socket, in these rooms from the start. */
export function multiplexed(
  door: Door,
  request: Request,
  server: Server<unknown> | null,
): Response | undefined {
  const query = readQuery(request);
  checkRooms(door, query.rooms);
  if (!isUpgrade(request))
    throw new ThumpError("unsupported-type", "This is a WebSocket: connect with new WebSocket(url).");
  return socket(server, request, new MultiplexedSocket(door, query.rooms, readStart(request, query)));
}

/** `GET /rooms/:room/members`: who is there. */
export function members(door: Door, request: Request): Response {
  const room = readRoom(request, "/members");
  door.checkJoin(room);
  return Response.json(membersAnswer(door.hub, room));
}

/** `DELETE /rooms/:room/history`: forgets what is kept. */
export async function forget(door: Door, request: Request): Promise<Response> {
  await door.forget(readRoom(request, "/history"));
  return new Response(null, { status: 204 });
}

function isUpgrade(request: Request): boolean {
  return request.headers.get("upgrade")?.toLowerCase() === "websocket";
}

function socket(
  server: Server<unknown> | null,
  request: Request,
  session: SocketSession,
): Response | undefined {
  if (server && upgrade(server, request, session)) return undefined;
  throw new ThumpError("malformed", "The WebSocket handshake is incomplete (RFC 6455 §4.1).");
}

function stream(
  door: Door,
  request: Request,
  server: Server<unknown> | null,
  format: StreamFormat,
  rooms: string[],
  start: Start,
): Response {
  // Else Bun cuts a stream that is silent for a while.
  server?.timeout(request, 0);
  return new StreamSession(door, format, addressOf(request, server)).respond(rooms, start);
}

function addressOf(request: Request, server: Server<unknown> | null): string | undefined {
  return server?.requestIP(request)?.address;
}

function checkRooms(door: Door, rooms: string[]): void {
  const { roomsPerSession } = door.hub;
  if (rooms.length > roomsPerSession)
    throw new ThumpError("limit", `A session may be in ${roomsPerSession} rooms.`);
  for (const room of rooms) door.checkJoin(room);
}

async function state(door: Door, room: string, start: Start): Promise<Response> {
  return new Response(await historyAnswer(door, room, start), jsonHeaders);
}

/** Answers at once when there is something after the cursor, else when something comes or the time is over. */
async function poll(
  door: Door,
  request: Request,
  server: Server<unknown> | null,
  room: string,
  start: Start,
  seconds: number,
): Promise<Response> {
  const { hub } = door;
  // Without a cursor there may be something already among the newest that were asked for.
  if (!start.after && start.last && (await door.history(room, { last: 1 })).publications.length > 0) {
    return state(door, room, start);
  }
  const after: Cursor = start.after ?? { epoch: hub.log.epoch, seq: hub.position };
  server?.timeout(request, 0);
  const address = addressOf(request, server);
  await waitForPublication(door, room, after, seconds * 1000, request.signal, address);
  return state(door, room, { after });
}
