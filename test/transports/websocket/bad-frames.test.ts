// Invalid frames on sockets: each gets a specific error or close code and affects no other client in the room.
import { expect, test } from "bun:test";
import { publishAt } from "../../support/answers.ts";
import { bystander } from "../../support/bystander.ts";
import { connect, type Multiplexed, multiplexed } from "../../support/clients.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { randomTest } from "../../support/random.ts";

/** Connects a multiplexed session to room r, and a healthy second client. */
async function both(server: TestServer): Promise<{ mux: Multiplexed; other: { isWell(): Promise<void> } }> {
  const other = await bystander(server, "r");
  const mux = await multiplexed(server.socket("/ws?room=r"));
  await mux.find(({ type }) => type === "joined");
  return { mux, other };
}

const long = "x".repeat(256);

test.each([
  ["nonsense", "malformed"],
  ["", "malformed"],
  ["[1]", "malformed"],
  ["null", "malformed"],
  ['{"type":"subscribe","id":"x"}', "unknown-type"],
  ["{}", "unknown-type"],
  ['{"type":"join","id":"x"}', "invalid"],
  ['{"type":"join","room":7}', "invalid"],
  ['{"type":"publish","room":"x","encoding":"base64","data":"?"}', "invalid"],
  ['{"type":"join","room":""}', "invalid-room"],
  [`{"type":"join","room":"${long}"}`, "invalid-room"],
  ['{"type":"join","room":"a\\nb"}', "invalid-room"],
  ['{"type":"join","room":"\\ud800"}', "invalid-room"],
  ['{"type":"publish","room":"","data":1}', "invalid-room"],
  ['{"type":"history","room":"\\u0000"}', "invalid-room"],
  ['{"type":"members","room":""}', "invalid-room"],
  ['{"type":"publish","room":"x","event":"thump:gap"}', "invalid-event"],
  ['{"type":"publish","room":"x","event":""}', "invalid-event"],
  ['{"type":"publish","room":"x","event":"a\\nid: 1"}', "invalid-event"],
  [`{"type":"publish","room":"x","key":"${long}"}`, "invalid"],
  ['{"type":"join","room":"x","after":"nonsense"}', "invalid-cursor"],
  ['{"type":"history","room":"x","after":"k3f9zq-"}', "invalid-cursor"],
])("%j is answered with %s", async (frame, code) => {
  const server = startServer();
  const { mux, other } = await both(server);
  mux.socket.send(frame);
  const error = await mux.find(({ type }) => type === "error");
  expect(error["code"]).toBe(code);
  expect(String(error["message"]).length).toBeGreaterThan(10);
  expect(await mux.ask({ type: "ping" })).toMatchObject({ type: "pong" });
  await other.isWell();
});

test("the error has the command's id and room", async () => {
  const { mux } = await both(startServer());
  const error = await mux.ask({ type: "publish", room: "x", event: "thump:gap" });
  expect(error).toMatchObject({ type: "error", id: 1, room: "x", code: "invalid-event" });
  expect(await mux.ask({ type: "join", room: 7 })).toMatchObject({ id: 2, errors: [{ path: "/room" }] });
});

test("a binary frame on the multiplexed socket gets the error `malformed`", async () => {
  const { mux, other } = await both(startServer());
  mux.socket.send(Uint8Array.of(1, 2, 3));
  expect(await mux.find(({ type }) => type === "error")).toMatchObject({ code: "malformed" });
  await other.isWell();
});

test("JSON that is nested too deeply is rejected with a specific error in every field", async () => {
  const server = startServer({ limits: { message: "512KiB" } });
  const { mux, other } = await both(server);
  const raw = await connect(server.socket("/rooms/r"));
  const deep = "[".repeat(200_000) + "]".repeat(200_000);
  mux.socket.send(`{"type":${deep},"id":1}`);
  expect(await mux.find((frame) => frame.type === "error")).toMatchObject({ code: "malformed" });
  mux.socket.send(`{"type":"publish","room":"r","id":2,"data":${deep}}`);
  expect(await mux.find((frame) => frame.type === "error")).toMatchObject({ code: "malformed" });
  raw.send(deep);
  expect(JSON.parse(String(await raw.next()))).toMatchObject({ type: "error", code: "malformed" });
  const posted = await server.publish("r", deep, { "content-type": "application/json" });
  expect(await posted.json()).toMatchObject({ status: 400, code: "malformed" });
  // Brackets inside a string do not count as nesting.
  expect((await server.publish("r", JSON.stringify("[".repeat(1000)))).status).toBe(201);
  await other.isWell();
});

test("a rejected publication on a raw socket gets an error, and the socket stays open", async () => {
  const server = startServer({ rooms: { r: { schema: { type: "string", maxLength: 30 } } } });
  const other = await bystander(server, "r");
  const raw = await connect(server.socket("/rooms/r"));
  raw.send("{}");
  expect(JSON.parse(String(await raw.next()))).toMatchObject({ type: "error", code: "invalid", room: "r" });
  raw.send(Uint8Array.of(1));
  expect(JSON.parse(String(await raw.next()))).toMatchObject({ type: "error", code: "invalid" });
  await publishAt(server, "r", "fits");
  expect(await raw.next()).toBe("fits");
  await other.isWell();
});

test.each(["/rooms/r", "/ws?room=r"])("a frame over the limit closes %s with 4413", async (path) => {
  const server = startServer({ limits: { message: 1000 } });
  const other = await bystander(server, "r");
  const socket = await connect(server.socket(path));
  socket.send("x".repeat(1001));
  expect((await socket.closed).code).toBe(4413);
  await other.isWell();
  const again = await connect(server.socket("/rooms/r?last=1"));
  again.send("é".repeat(500));
  await other.isWell();
  again.send("é".repeat(501));
  expect((await again.closed).code).toBe(4413);
  await other.isWell();
});

test("Bun closes the socket without reading a frame far over the limit", async () => {
  const server = startServer({ limits: { message: 1000 } });
  const other = await bystander(server, "r");
  const socket = await connect(server.socket("/rooms/r"));
  socket.send(new Uint8Array(1_000_000));
  // Bun sends 1009, or cuts the client off while it is still sending.
  expect([1006, 1009]).toContain((await socket.closed).code);
  await other.isWell();
  expect(server.thump.sessionsIn("r")).toBe(1);
});

test("thousands of joins on one socket get specific errors above the limit, and the session continues", async () => {
  const server = startServer({ limits: { rooms: 100 } });
  const { mux, other } = await both(server);
  for (let i = 0; i < 3_000; i++) mux.socket.send(JSON.stringify({ type: "join", room: `room ${i}` }));
  await mux.ask({ type: "ping" });
  const counts = (type: string) => mux.all.filter((frame) => frame.type === type).length;
  expect(counts("joined")).toBe(100);
  expect(counts("error")).toBe(2_901);
  expect(mux.all.find(({ type }) => type === "error")).toMatchObject({ code: "limit", room: "room 99" });
  await mux.ask({ type: "leave", room: "room 0" });
  expect(await mux.ask({ type: "join", room: "room 2999" })).toMatchObject({ type: "joined" });
  await other.isWell();
  mux.socket.ws.terminate();
  await other.isWell();
});

test("a client that sends mostly invalid frames is closed with 4400", async () => {
  const { mux, other } = await both(startServer());
  for (let i = 0; i < 1_000; i++) mux.socket.send("nonsense");
  expect((await mux.closed).code).toBe(4400);
  const errors = mux.all.filter(({ type }) => type === "error").length;
  expect(errors).toBeGreaterThan(1);
  expect(errors).toBeLessThan(100);
  await other.isWell();
});

test("a client with occasional invalid frames stays connected", async () => {
  const { mux, other } = await both(startServer());
  for (let i = 0; i < 200; i++) {
    mux.socket.send("nonsense");
    mux.socket.send('{"type":"ping"}');
  }
  await mux.ask({ type: "ping" });
  expect(mux.all.filter(({ type }) => type === "error").length).toBe(200);
  await other.isWell();
});

randomTest("random and damaged frames do not affect other clients", async (random) => {
  const server = startServer({ limits: { rooms: 50 } });
  const other = await bystander(server, "r");
  const encoder = new TextEncoder();
  const valid = [
    '{"type":"join","room":"r2","last":3}',
    '{"type":"publish","room":"r2","data":{"a":1},"echo":true}',
    '{"type":"leave","room":"r2"}',
    '{"type":"history","room":"r","last":5}',
  ].map((text) => encoder.encode(text));
  for (let round = 0; round < 15; round++) {
    const path = random.pick(["/ws?room=r", "/rooms/r2", "/rooms/r2?echo=1"]);
    const socket = await connect(server.socket(path));
    for (let i = 0; i < 60; i++) {
      const bytes = random.chance(3) ? random.bytes(random.below(100)) : random.mutate(random.pick(valid));
      socket.send(random.chance(4) ? bytes : new TextDecoder().decode(bytes));
    }
    if (random.chance(2)) socket.ws.terminate();
    await other.isWell();
  }
});
