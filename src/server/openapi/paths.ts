// Room paths in the OpenAPI document, and the parts that all paths share.
import type { TSchema } from "typebox";
import type { Description, ApiOperation, Parameter } from "../../console/openapi-page.ts";
import { Query } from "../../transports/http/read-request.ts";
import { BY_KEY } from "./security.ts";

type Answers = ApiOperation["responses"];

export const refTo = (name: string) => ({ $ref: `#/components/schemas/${name}` });
export const json = (name: string) => ({ "application/json": { schema: refTo(name) } });
export const words = (description: string) => ({ schema: { type: "string", description } });

export const PROBLEM: Answers = {
  default: {
    description: "What is wrong, by a stable code (RFC 9457).",
    content: { "application/problem+json": { schema: refTo("Problem") } },
  },
};

const ROOM: Parameter = {
  name: "room",
  in: "path",
  required: true,
  description:
    "The room's name, percent-encoded: 1 to 255 bytes of UTF-8 without control characters or dot segments.",
  schema: { type: "string" },
};

const ABOUT: Record<keyof typeof Query.properties, string> = {
  after: "Begin after this cursor.",
  last: "Begin with the newest N.",
  wait: "Wait so many seconds, at most 50, for something to come.",
  max: "At most so many publications a second, the newest ones.",
  echo: "1: a raw socket gets its own publications too.",
  ordered: "1: what comes after a publication that is refused is not tried, and has no result.",
  presence:
    "1: tell who is there, and who comes and goes, where the room's rule keeps presence. Takes `members`.",
  match: "A pattern: * is any run of characters, {id} one part without a colon.",
  cursor: "Where the page before this one ended.",
  limit: "How many a page: 100 unless said, at most 1,000.",
  user: "Those of this user alone.",
  lagging: "1: those alone that are behind just now.",
  sort: "`name`, or `sessions`: those with the most first.",
};

export function query(...names: (keyof typeof ABOUT)[]): Parameter[] {
  return names.map((name) => {
    const schema: TSchema = Query.properties[name];
    return { name, in: "query", description: ABOUT[name], schema };
  });
}

export function path(name: string, description: string): Parameter {
  return { name, in: "path", required: true, description, schema: { type: "string" } };
}

function header(name: string, description: string): Parameter {
  return { name, in: "header", description, schema: { type: "string" } };
}

const ROOMS: Parameter = {
  name: "room",
  in: "query",
  description: "A room; repeatable.",
  schema: { type: "array", items: { type: "string" } },
};

const LAST_EVENT_ID = header(
  "Last-Event-ID",
  "Begin after this cursor. It goes before `after`. The query parameters `lastEventId`, `Last-Event-ID` and `evs_last_event_id` are taken as it is.",
);
/** An EventSource gives up on every status except 200. */
const REFUSED =
  "A temporary refusal (`rate`, `busy`, `draining`, `unavailable`) is an event stream too: `retry`, one `thump:error` event with the Problem as its data, and the end. It has the headers `Thump-Error` (the code) and `Retry-After`.";
const SWITCHED = { 101: { description: "The connection is a WebSocket now." } };

export const roomPaths: Description["paths"] = {
  "/rooms/{room}": {
    get: {
      operationId: "listen",
      summary: "Listen to a room, or read it",
      description:
        "What it is depends on the request: with `Upgrade: websocket` a raw socket (a frame in is a publication, a frame out is one's data); with `Accept: text/event-stream` an event stream; with `Accept: application/x-ndjson` one envelope a line; else the room's state as JSON.",
      parameters: [ROOM, ...query("after", "last", "max", "wait", "echo", "presence"), LAST_EVENT_ID],
      responses: {
        200: {
          description: "The room's state, or a stream.",
          content: {
            ...json("State"),
            "text/event-stream": words(
              `Events: \`id\` is the cursor, \`data\` the publication's data. ${REFUSED}`,
            ),
            "application/x-ndjson": words('{"type":"position","at"} first, then an envelope a line.'),
          },
        },
        ...SWITCHED,
        ...PROBLEM,
      },
    },
    post: {
      operationId: "publish",
      summary: "Publish the body",
      description:
        "`application/json` must parse; text that parses as JSON is JSON, other text a string; any other type is bytes.",
      parameters: [
        ROOM,
        header("Event", "The event's name, in UTF-8."),
        header(
          "Idempotency-Key",
          "Repeated, it gets the first one's position and is not delivered again. With another event or other data it is refused with `key-reused`. Keys belong to the user, to the API key, or to all clients without a token.",
        ),
      ],
      requestBody: {
        required: true,
        content: {
          "application/json": { schema: {} },
          "text/plain": { schema: { type: "string" } },
          "application/octet-stream": { schema: { type: "string", format: "binary" } },
        },
      },
      responses: { 201: { description: "It is kept.", content: json("Published") }, ...PROBLEM },
    },
  },
  "/rooms/{room}/members": {
    get: {
      operationId: "members",
      summary: "Who is in a room",
      description:
        "By user. Where the room's rule keeps presence, who was there a moment ago still is. In a room of more than 100 sessions the answer may be up to a second old.",
      parameters: [ROOM],
      responses: { 200: { description: "The first of them.", content: json("Members") }, ...PROBLEM },
    },
  },
  "/rooms/{room}/history": {
    delete: {
      operationId: "forget",
      summary: "Forget what is kept of a room",
      description: "Without anybody to believe: in rooms that everyone may join and publish to.",
      security: BY_KEY,
      parameters: [ROOM],
      responses: { 204: { description: "It is forgotten." }, ...PROBLEM },
    },
  },
};

export const manyPaths: Description["paths"] = {
  "/rooms": {
    get: {
      operationId: "listRooms",
      summary: "List rooms",
      security: BY_KEY,
      description:
        "Rooms that somebody is in or of which something is kept. Rooms of the server's own are there for who names them: `match=thump:*`.",
      parameters: query("match", "sort", "cursor", "limit"),
      responses: { 200: { description: "A page of them.", content: json("Rooms") }, ...PROBLEM },
    },
  },
  "/events": {
    get: {
      operationId: "events",
      summary: "An event stream of several rooms",
      parameters: [ROOMS, ...query("after", "last", "max", "presence"), LAST_EVENT_ID],
      responses: {
        200: {
          description: "Events whose data are envelopes.",
          content: { "text/event-stream": words(`\`data\` is an Envelope as JSON. ${REFUSED}`) },
        },
        ...PROBLEM,
      },
    },
    post: {
      operationId: "multiplexedStream",
      summary: "The multiplexed stream: many rooms, each from a position of its own",
      description:
        "What the multiplexed socket says, as an event stream. A room that is refused keeps nobody from the others.",
      requestBody: { required: true, content: json("Joins") },
      responses: {
        200: {
          description: "Events whose data are what the multiplexed socket says, a JSON object each.",
          content: {
            "text/event-stream": words("`data` is an Envelope, or has another `type`, as JSON."),
          },
        },
        ...PROBLEM,
      },
    },
  },
  "/ws": {
    get: {
      operationId: "multiplexed",
      summary: "The multiplexed socket: many rooms on one connection",
      description: "A WebSocket. What the client says is a Command, a text frame each.",
      parameters: [ROOMS, ...query("after", "last", "max", "presence")],
      responses: { ...SWITCHED, ...PROBLEM },
    },
  },
  "/publish": {
    post: {
      operationId: "publishBatch",
      summary: "Publish a batch",
      description:
        "Items and their rooms are counted, and take their rates, before they are parsed. The data of each is sent on as it was written. `rooms` names no room twice. The first ten results that are errors have details.",
      parameters: query("ordered"),
      requestBody: {
        required: true,
        content: {
          "application/json": { schema: { type: "array", items: refTo("BatchItem"), maxItems: 1000 } },
        },
      },
      responses: {
        200: { description: "A result a room of each item, in order.", content: json("Results") },
        ...PROBLEM,
      },
    },
  },
};
