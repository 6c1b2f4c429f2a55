// The most expensive request for every route, and the most expensive frame for every command, as data.
import type { Frame, HttpRequest, RequestFixture, ExpensiveRequest } from "./expensive-request.ts";

const MIB = 1 << 20;
const KIB = 1 << 10;
const json = { "content-type": "application/json" };
const stream = { accept: "text/event-stream" };

/** JSON with the maximum number of tokens. */
const emptyLists = (size: number) => `[${"[],".repeat(size / 3 - 2)}[]]`;
const emptyObjects = (size: number) => `[${"{},".repeat(size / 3 - 2)}{}]`;
const zeros = (size: number) => `[${"0,".repeat(size / 2 - 2)}0]`;
const deep = (size: number) => "[".repeat(size / 2) + "]".repeat(size / 2);
/** A string in which every character must be escaped. */
const escapes = (size: number) => `"${"\\u0001".repeat(size / 6 - 2)}"`;
const keys = (size: number) =>
  `{${Array.from({ length: Math.floor(size / 12) }, (_, i) => `"k${String(i).padStart(6, "0")}":1`).join(",")}}`;

const anyone = (target: string, title: string, request: ExpensiveRequest["request"]): ExpensiveRequest => ({
  target,
  title,
  by: "anyone",
  request,
});
const granted = (target: string, title: string, request: ExpensiveRequest["request"]): ExpensiveRequest => ({
  target,
  title,
  by: "a token with one grant",
  request: (fixture) => {
    const made = request(fixture);
    return { ...made, headers: { ...made.headers, authorization: `Bearer ${fixture.token}` } };
  },
});
const get = (path: string, headers?: Record<string, string>) => (): HttpRequest => ({
  method: "GET",
  path,
  ...(headers ? { headers } : {}),
});
const post =
  (path: string, body: string, headers = json) =>
  (): HttpRequest => ({ method: "POST", path, body, headers });
const frame =
  (text: string, path = "/ws?x=1") =>
  (): Frame => ({ path, frame: text });

/** Several copies of a frame in one packet. */
const packet = (times: number, text: string) => (): Frame => ({ path: "/ws?x=1", frame: text, times });

const resumed = ({ rooms, before }: RequestFixture) => rooms.map((room) => ({ room, after: before }));
const named = ({ rooms }: RequestFixture, query: string) =>
  `${rooms.map((room) => `room=${room}`).join("&")}&${query}`;
const item = (body: string) => `{"type":"publish","id":1,"room":"r","data":${body}}`;
const longName = "n".repeat(255);
const hugeToken = `a.${"b".repeat(12 * KIB)}.c`;

const publishing: ExpensiveRequest[] = [
  anyone(
    "POST /rooms/{room}",
    "64 KiB of JSON, maximum number of tokens",
    post("/rooms/r", emptyLists(64 * KIB)),
  ),
  anyone("POST /rooms/{room}", "1 MiB of JSON, too large", post("/rooms/r", emptyObjects(MIB - 10))),
  anyone("POST /rooms/{room}", "64 KiB of escapes", post("/rooms/r", escapes(64 * KIB))),
  anyone("POST /rooms/{room}", "64 KiB, nested as deep as possible", post("/rooms/r", deep(64 * KIB))),
  anyone("POST /rooms/{room}", "64 KiB, a schema error in every item", post("/rooms/typed", zeros(64 * KIB))),
  granted("POST /rooms/{room}", "64 KiB of object keys", post("/rooms/mine", keys(64 * KIB))),
  anyone("POST /publish", "500,000 invalid items", post("/publish", zeros(MIB - 10))),
  anyone("POST /publish", "350,000 empty items", post("/publish", emptyObjects(MIB - 10))),
  anyone("POST /publish", "1 MiB, nested", post("/publish", deep(MIB - 10))),
  anyone(
    "POST /publish",
    "1,000 items with an invalid room",
    post("/publish", `[${'{"room":1},'.repeat(999)}{"room":1}]`),
  ),
  anyone("POST /publish", "1,000 items to 1,000 new rooms", () => {
    const items = Array.from({ length: 1000 }, (_, i) => ({
      room: `w${i}-${Math.random()}`,
      data: "x".repeat(900),
    }));
    return post("/publish", JSON.stringify(items))();
  }),
  granted("POST /publish", "one item of 1 MB, one room listed 1,000 times", () => {
    const rooms = Array.from({ length: 1000 }, () => "mine");
    return post("/publish", JSON.stringify({ rooms, data: ["x".repeat(MIB - 20_000)] }))();
  }),
  granted("POST /publish", "one item of 60 KiB for 1,000 rooms", () => {
    const rooms = Array.from({ length: 1000 }, (_, i) => `mine${i}`);
    return post("/publish", JSON.stringify({ rooms, data: keys(30 * KIB) }))();
  }),
  granted("POST /publish", "1,000 items for one room, each with a schema error", () => {
    const items = Array.from({ length: 1000 }, () => ({ room: "typed", data: [1, 2, 3, "x".repeat(900)] }));
    return post("/publish", JSON.stringify(items))();
  }),
];

const reading: ExpensiveRequest[] = [
  anyone("GET /rooms/{room}", "the newest 1,000", get("/rooms/full?last=1000")),
  anyone(
    "GET /rooms/{room}",
    "the newest 1,000, compressed",
    get("/rooms/full?last=1000", { "accept-encoding": "gzip" }),
  ),
  anyone("GET /rooms/{room}", "all messages after an old cursor, as a stream", ({ before }) =>
    get(`/rooms/full?after=${before}`, stream)(),
  ),
  anyone("GET /rooms/{room}", "all messages after an old cursor, as compressed NDJSON", ({ before }) =>
    get(`/rooms/zip?after=${before}`, { accept: "application/x-ndjson", "accept-encoding": "gzip" })(),
  ),
  anyone("GET /rooms/{room}", "a poll after an old cursor", ({ before }) =>
    get(`/rooms/full?after=${before}&wait=1`)(),
  ),
  anyone("GET /rooms/{room}/members", "a room of 3,000 users", get("/rooms/crowd/members")),
  anyone("DELETE /rooms/{room}/history", "a full room", () => ({
    method: "DELETE",
    path: "/rooms/full/history",
  })),
  anyone("GET /rooms", "a pattern with wildcards, the largest page", get("/rooms?match=*a*a*a*a&limit=1000")),
  granted(
    "GET /rooms",
    "a pattern with wildcards, the largest page",
    get("/rooms?match=*a*a*a*a&limit=1000"),
  ),
  anyone("GET /events", "1,000 rooms, the newest 1,000 of each", (fixture) =>
    get(`/events?${named(fixture, "last=1000")}`, stream)(),
  ),
  anyone("GET /events", "1,000 rooms after an old cursor", (fixture) =>
    get(`/events?${named(fixture, `after=${fixture.before}`)}`, stream)(),
  ),
  anyone("GET /events", "1,000 rooms with max", (fixture) =>
    get(`/events?${named(fixture, "max=100")}`, stream)(),
  ),
  anyone("POST /events", "resumes of 1,000 rooms × 200 messages", (fixture) =>
    post("/events", JSON.stringify(resumed(fixture)))(),
  ),
  anyone("POST /events", "1 MiB of invalid joins", post("/events", zeros(MIB - 10))),
  anyone("POST /events", "1,000 refused joins", (fixture) =>
    post("/events", JSON.stringify(fixture.rooms.map((_, i) => ({ room: `thump:${i}`, presence: true }))))(),
  ),
];

const operating: ExpensiveRequest[] = [
  ...["/sessions?limit=1000", "/sessions/x", "/rules"].map((path) =>
    granted(`GET ${path.replace(/\?.*/, "").replace("/x", "/{id}")}`, "without permission", get(path)),
  ),
  granted("DELETE /sessions/{id}", "without permission", () => ({
    method: "DELETE",
    path: `/sessions/${longName}`,
  })),
  granted("DELETE /users/{user}/sessions", "without permission", () => ({
    method: "DELETE",
    path: `/users/${longName}/sessions`,
  })),
  granted("POST /revoke", "1 MiB", post("/revoke", zeros(MIB - 10))),
  anyone("OPTIONS /rooms/{room}", "a preflight with a token", () => ({
    method: "OPTIONS",
    path: "/rooms/r",
    headers: { origin: "https://a.example", authorization: `Bearer ${hugeToken}` },
  })),
  ...["/healthz", "/readyz", "/openapi.json", "/openapi", "/console", "/", "/metrics", "/nothing"].map(
    (path) => anyone(`GET ${path}`, "plain", get(path)),
  ),
  anyone(
    "GET /rooms/{room}",
    "a token of 12 KiB",
    get("/rooms/full", { authorization: `Bearer ${hugeToken}` }),
  ),
];

const commands: ExpensiveRequest[] = [
  anyone("GET /ws", "1,000 rooms after an old cursor", (fixture) => ({
    path: `/ws?${named(fixture, `after=${fixture.before}`)}`,
    frame: '{"type":"ping"}',
  })),
  anyone("/ws join", "the newest 1,000", frame('{"type":"join","id":1,"room":"full","last":1000}')),
  anyone(
    "/ws join",
    "a room of 3,000 users, with presence",
    frame('{"type":"join","id":1,"room":"crowd","presence":true}'),
  ),
  anyone("/ws leave", "a room without a join", frame('{"type":"leave","id":1,"room":"r"}')),
  anyone("/ws publish", "60 KiB, maximum number of tokens", frame(item(emptyLists(60 * KIB)))),
  anyone("/ws publish", "60 KiB of escapes", frame(item(escapes(60 * KIB)))),
  anyone("/ws history", "the newest 1,000", frame('{"type":"history","id":1,"room":"full","last":1000}')),
  anyone("/ws members", "a room of 3,000 users", frame('{"type":"members","id":1,"room":"crowd"}')),
  anyone(
    "/ws history",
    "the newest 1,000, 100 times in a packet",
    packet(100, '{"type":"history","id":1,"room":"full","last":1000}'),
  ),
  anyone(
    "/ws members",
    "a room of 3,000 users, 500 times in a packet",
    packet(500, '{"type":"members","id":1,"room":"crowd"}'),
  ),
  anyone("/ws ping", "2,000 in a packet", packet(2000, '{"type":"ping"}')),
  anyone(
    "/ws publish",
    "2,000 refused, in a packet",
    packet(2000, '{"type":"publish","room":"typed","data":[1,2,3]}'),
  ),
  anyone("/ws auth", "a token of 12 KiB", frame(`{"type":"auth","id":1,"token":"${hugeToken}"}`)),
  anyone("/ws ping", "an id of 60 KiB of digits", frame(`{"type":"ping","id":${"9".repeat(60 * KIB)}}`)),
  anyone("/ws", "240 KiB of lists", frame(emptyLists(240 * KIB))),
  anyone("raw", "64 KiB, maximum number of tokens", frame(emptyLists(64 * KIB), "/rooms/r?x=1")),
  anyone("raw", "64 KiB, nested", frame(deep(64 * KIB), "/rooms/r?x=1")),
];

export const expensiveRequests: readonly ExpensiveRequest[] = [
  ...publishing,
  ...reading,
  ...operating,
  ...commands,
];
