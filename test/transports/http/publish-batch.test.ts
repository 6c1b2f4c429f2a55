// POST /publish: several publications in one request, each with its own result.
import { expect, test } from "bun:test";
import { dataOf, problemOf, stateOf } from "../../support/answers.ts";
import { startServer, type TestServer } from "../../support/server.ts";

interface Result {
  room?: string;
  at?: string;
  error?: { code: string; message: string; errors?: { path: string }[] };
}

function post(server: TestServer, body: unknown, type = "application/json"): Promise<Response> {
  return fetch(`${server.url}/publish`, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    headers: { "content-type": type },
  });
}

async function batch(server: TestServer, body: unknown): Promise<Result[]> {
  const response = await post(server, body);
  expect(response.status).toBe(200);
  return ((await response.json()) as { results: Result[] }).results;
}

test("several publications are made in order", async () => {
  const server = startServer();
  const items = [1, 2, 3].map((data) => ({ room: "r", data, event: `e${data}` }));
  const results = await batch(server, items);
  const { messages } = await stateOf(server, "r");
  expect(dataOf({ messages })).toEqual([1, 2, 3]);
  expect(results).toEqual(messages.map(({ at }) => ({ room: "r", at: String(at) })));
  expect(messages.map((message) => message["event"])).toEqual(["e1", "e2", "e3"]);
});

test("one item publishes to several rooms", async () => {
  const server = startServer();
  const results = await batch(server, { rooms: ["a", "b", "c"], data: "all" });
  expect(results.map(({ room }) => room)).toEqual(["a", "b", "c"]);
  for (const room of ["a", "b", "c"]) expect(dataOf(await stateOf(server, room))).toEqual(["all"]);
});

test("each publication has its own result: an error does not affect the others", async () => {
  const server = startServer({
    rooms: { "closed:*": { publish: "server" }, typed: { schema: { type: "object", required: ["text"] } } },
  });
  const results = await batch(server, [
    { room: "r", data: 1 },
    { room: "closed:a", data: 2 },
    { room: "typed", data: {} },
    { room: "", data: 3 },
    { data: 4 },
    7,
    { room: "r", event: "thump:x" },
    { room: "r", data: "?", encoding: "base64" },
    { room: "r", data: "x".repeat(70_000) },
    { room: "r", data: 5 },
  ]);
  expect(results.map(({ error, at }) => error?.code ?? typeof at)).toEqual([
    "string",
    "forbidden",
    "invalid",
    "invalid-room",
    "invalid",
    "invalid",
    "invalid-event",
    "invalid",
    "too-large",
    "string",
  ]);
  expect(results[1]?.room).toBe("closed:a");
  expect(results[2]?.error?.errors?.[0]?.path).toBe("/text");
  expect(results[4]?.error?.errors?.[0]?.path).toBe("/room");
  expect(dataOf(await stateOf(server, "r"))).toEqual([1, 5]);
});

test("a batch that is nested too deeply is rejected as a whole, with a specific error", async () => {
  const server = startServer();
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  const refused = post(server, `[{"room":"r","data":${deep}},{"room":"r","data":1}]`);
  expect(await problemOf(refused)).toMatchObject({ status: 400, code: "malformed" });
  expect(dataOf(await stateOf(server, "r"))).toEqual([]);
});

test("idempotency keys are stored: a repeated batch publishes nothing", async () => {
  const server = startServer();
  const items = [
    { room: "r", data: 1, key: "a" },
    { room: "r", data: 2, key: "b" },
  ];
  const first = await batch(server, items);
  expect(await batch(server, items)).toEqual(first);
  expect(dataOf(await stateOf(server, "r"))).toEqual([1, 2]);
});

test("data may be base64, and a batch may be empty", async () => {
  const server = startServer();
  await batch(server, { room: "r", data: "AQI=", encoding: "base64" });
  expect((await stateOf(server, "r")).messages).toMatchObject([{ data: "AQI=", encoding: "base64" }]);
  expect(await batch(server, [])).toEqual([]);
});

test("a body with curl's default content type is accepted as JSON", async () => {
  const server = startServer();
  const response = await post(server, { room: "r", data: 1 }, "application/x-www-form-urlencoded");
  expect(response.status).toBe(200);
  expect(dataOf(await stateOf(server, "r"))).toEqual([1]);
});

test("a body that is not a batch is rejected as a whole, with a specific error", async () => {
  const server = startServer({ limits: { body: 30_000 } });
  const refused = async (body: unknown, type?: string) => {
    const { status, code } = await problemOf(post(server, body, type));
    return [status, code];
  };
  expect(await refused("{nonsense")).toEqual([400, "malformed"]);
  expect(await refused("")).toEqual([400, "malformed"]);
  expect(await refused([], "application/octet-stream")).toEqual([415, "unsupported-type"]);
  expect(await refused([], "multipart/form-data; boundary=x")).toEqual([415, "unsupported-type"]);
  expect(await refused([{ room: "r", data: "x".repeat(30_000) }])).toEqual([413, "too-large"]);
  const many = { rooms: Array.from({ length: 1001 }, () => "r"), data: 1 };
  expect(await refused(many)).toEqual([429, "limit"]);
  expect(dataOf(await stateOf(server, "r"))).toEqual([]);
});

test("ordered: publications after an error are not attempted, so none overtakes the failed one", async () => {
  const server = startServer({ limits: { message: 8 } });
  const items = ["a", "far too long", "b"].map((data) => ({ room: "r", data }));
  const response = await fetch(`${server.url}/publish?ordered=1`, {
    method: "POST",
    body: JSON.stringify(items),
  });
  const { results } = (await response.json()) as { results: Result[] };
  expect(results).toHaveLength(2);
  expect(results[0]?.at).toBeString();
  expect(results[1]?.error?.code).toBe("too-large");
  expect(dataOf(await stateOf(server, "r"))).toEqual(["a"]);
  expect(await batch(server, items)).toHaveLength(3);
  expect((await fetch(`${server.url}/publish?ordered=x`, { method: "POST", body: "[]" })).status).toBe(400);
});
