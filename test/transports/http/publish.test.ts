// POST /rooms/:room: the request headers, and how the content type determines a publication's data.
import { expect, test } from "bun:test";
import { dataOf, publishAt, stateOf } from "../../support/answers.ts";
import { connect, multiplexed } from "../../support/clients.ts";
import { startServer } from "../../support/server.ts";

test("a publication is acknowledged with 201 and its cursor", async () => {
  const server = startServer();
  const response = await server.publish("r", "hi");
  expect(response.status).toBe(201);
  expect(response.headers.get("content-type")).toStartWith("application/json");
  const { at } = (await response.json()) as { at: string };
  expect((await stateOf(server, "r")).messages).toMatchObject([
    { type: "message", room: "r", data: "hi", at },
  ]);
});

test.each([
  ["application/json", '{"a":1}', { a: 1 }],
  ["application/json; charset=utf-8", "[1]", [1]],
  ["text/plain", '{"a":1}', { a: 1 }],
  ["text/plain", "a=b&c", "a=b&c"],
  ["text/html", "<b>", "<b>"],
  ["application/x-www-form-urlencoded", "a+b=%20", "a+b=%20"],
  ["", "no type", "no type"],
  ["", "", ""],
])("a body of type %j with the content %j", async (type, body, data) => {
  const server = startServer();
  await publishAt(server, "r", new TextEncoder().encode(body), type === "" ? {} : { "content-type": type });
  expect(dataOf(await stateOf(server, "r"))).toEqual([data]);
});

test("a body of any other type is bytes: binary on a raw socket, base64 in an envelope", async () => {
  const server = startServer();
  const raw = await connect(server.socket("/rooms/r"));
  const bytes = Uint8Array.of(0, 255, 13, 10);
  await publishAt(server, "r", bytes, { "content-type": "image/png" });
  expect(await raw.next()).toEqual(bytes);
  const { messages } = await stateOf(server, "r");
  expect(messages).toMatchObject([{ data: "AP8NCg==", encoding: "base64" }]);
});

test("JSON numbers keep their digits", async () => {
  const server = startServer();
  const raw = await connect(server.socket("/rooms/r"));
  const body = '{"a":12345678901234567890,"b":1.10}';
  await publishAt(server, "r", body, { "content-type": "application/json" });
  expect(await raw.next()).toBe(body);
  expect(await (await fetch(server.room("r"))).text()).toContain(body);
});

test("the Event header names the event", async () => {
  const server = startServer();
  await publishAt(server, "r", "x", { event: "tick" });
  await publishAt(server, "r", "y");
  const { messages } = await stateOf(server, "r");
  expect(messages.map((message) => message["event"])).toEqual(["tick", "message"]);
});

test("a repeated Idempotency-Key gets the first cursor and is not delivered again", async () => {
  const server = startServer();
  const raw = await connect(server.socket("/rooms/r"));
  const first = await publishAt(server, "r", "one", { "idempotency-key": "k" });
  expect(await publishAt(server, "r", "one", { "idempotency-key": "k" })).toBe(first);
  expect(await publishAt(server, "other", "elsewhere", { "idempotency-key": "k" })).not.toBe(first);
  await publishAt(server, "r", "two", { "idempotency-key": "k2" });
  expect([await raw.next(), await raw.next()]).toEqual(["one", "two"]);
});

test("an idempotency key is shared by all transports", async () => {
  const server = startServer();
  const mux = await multiplexed(server.socket("/ws"));
  const { at } = await mux.ask({ type: "publish", room: "r", data: 1, key: "k" });
  expect(await publishAt(server, "r", "1", { "idempotency-key": "k" })).toBe(String(at));
});

test("a body exactly at the limit is accepted", async () => {
  const server = startServer({ limits: { message: 1000 } });
  await publishAt(server, "r", "x".repeat(1000));
  const chunks = new ReadableStream({
    start(controller) {
      for (let i = 0; i < 10; i++) controller.enqueue(new Uint8Array(100));
      controller.close();
    },
  });
  const response = await fetch(server.room("r"), { method: "POST", body: chunks });
  expect(response.status).toBe(201);
});

test.each(["with space", "a/b", "ä?#%", "chat:42", "🐇", "members", "a+b", "x".repeat(255)])(
  "the room name %p is valid in a URL",
  async (name) => {
    const server = startServer();
    const mux = await multiplexed(server.socket(`/ws?room=${encodeURIComponent(name)}`));
    await mux.find((frame) => frame.type === "joined");
    await publishAt(server, name, "hi");
    const message = await mux.find((frame) => frame.type === "message");
    expect(message["room"]).toBe(name);
    expect((await stateOf(server, name)).room).toBe(name);
  },
);

test("code in the server publishes values, bytes and events, on behalf of any user", async () => {
  const server = startServer({ rooms: { "*": { publish: "server" } } });
  const { at } = await server.thump.publish("r", { a: 1 }, { event: "tick", from: "u7" });
  await server.thump.publish("r", Uint8Array.of(1));
  await server.thump.publish("r", undefined);
  const { messages } = await stateOf(server, "r");
  expect(messages[0]).toMatchObject({ data: { a: 1 }, event: "tick", from: "u7", at });
  expect(messages[1]).toMatchObject({ data: "AQ==", encoding: "base64" });
  expect(messages[2]).toMatchObject({ data: null });
});
