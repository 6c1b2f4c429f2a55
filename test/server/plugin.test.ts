// The Elysia plugin: rooms in an app, alongside its own routes and sockets.
import { expect, test } from "bun:test";
import { type AnyElysia, Elysia } from "elysia";
import { Type } from "typebox";
import { thump } from "../../src/index.ts";
import { type State } from "../support/answers.ts";
import { connect, eventSource, multiplexed } from "../support/clients.ts";
import { cleanup } from "../support/cleanup.ts";

/** Starts an app for the duration of the test. Returns its URLs. */
function listen(app: AnyElysia): { url: string; socket: string } {
  app.listen({ port: 0, hostname: "127.0.0.1" });
  cleanup(() => app.stop(true));
  const host = `127.0.0.1:${app.server?.port}`;
  return { url: `http://${host}`, socket: `ws://${host}` };
}

const post = (url: string, body: string) => fetch(url, { method: "POST", body });

test("the app's own routes and sockets work alongside the rooms", async () => {
  const app = new Elysia()
    .use(thump({ rooms: { "chat:*": {} } }))
    .get("/mine", () => "mine")
    .post("/mine", ({ body }) => body)
    .ws("/socket", {
      open: (ws) => void ws.send("opened"),
      message: (ws, message) => void ws.send({ got: message }),
    });
  const { url, socket } = listen(app);
  expect(await (await fetch(`${url}/mine`)).text()).toBe("mine");
  const json = { method: "POST", body: '{"a":1}', headers: { "content-type": "application/json" } };
  expect(await (await fetch(`${url}/mine`, json)).text()).toBe('{"a":1}');

  const own = await connect(`${socket}/socket`);
  const raw = await connect(`${socket}/rooms/chat:1`);
  const mux = await multiplexed(`${socket}/ws?room=chat:1`);
  const source = await eventSource(`${url}/rooms/chat:1`);
  expect(await own.next()).toBe("opened");
  own.send('{"b":2}');
  expect(JSON.parse(String(await own.next()))).toEqual({ got: { b: 2 } });
  raw.send("123");
  expect((await source.next()).data).toBe("123");
  expect((await mux.find(({ type }) => type === "message"))["data"]).toBe(123);
  expect((await post(`${url}/rooms/chat:1`, "hi")).status).toBe(201);
  expect(await raw.next()).toBe("hi");
});

test("sockets also receive publications in a group", async () => {
  const { url, socket } = listen(new Elysia().group("/api", (group) => group.use(thump())));
  const raw = await connect(`${socket}/api/rooms/r`);
  expect((await post(`${url}/api/rooms/r`, "hi")).status).toBe(201);
  expect(await raw.next()).toBe("hi");
});

test("the order of routes and plugin does not matter", async () => {
  const app = new Elysia()
    .ws("/socket", { message: (ws, message) => void ws.send(message) })
    .get("/mine", () => "mine")
    .use(thump());
  const { url, socket } = listen(app);
  const own = await connect(`${socket}/socket`);
  own.send("hi");
  expect(await own.next()).toBe("hi");
  const raw = await connect(`${socket}/rooms/r`);
  await post(`${url}/rooms/r`, "room");
  expect(await raw.next()).toBe("room");
  expect(await (await fetch(`${url}/mine`)).text()).toBe("mine");
});

test("routes publish through their context, other code through the decorator", async () => {
  const app = new Elysia()
    .use(thump({ rooms: { "*": { publish: "server" } } }))
    .post("/orders", async ({ thump: rooms }) => rooms.publish("orders", { id: 7 }, { event: "new" }));
  const { url, socket } = listen(app);
  const mux = await multiplexed(`${socket}/ws?room=orders`);
  await mux.find(({ type }) => type === "joined");
  const { at } = (await (await post(`${url}/orders`, "")).json()) as { at: string };
  expect(await mux.find(({ type }) => type === "message")).toMatchObject({
    event: "new",
    data: { id: 7 },
    at,
  });
  await app.decorator.thump.publish("orders", Uint8Array.of(1));
  expect(await mux.find(({ type }) => type === "message")).toMatchObject({
    data: "AQ==",
    encoding: "base64",
  });
  expect(app.decorator.thump.sessionsIn("orders")).toBe(1);
  expect((await post(`${url}/rooms/orders`, "x")).status).toBe(403);
});

test("with a prefix, all routes are under it", async () => {
  const { url, socket } = listen(new Elysia().use(thump({ prefix: "/live" })));
  const raw = await connect(`${socket}/live/rooms/r`);
  expect((await post(`${url}/live/rooms/r`, "hi")).status).toBe(201);
  expect(await raw.next()).toBe("hi");
  const state = (await (await fetch(`${url}/live/rooms/r`)).json()) as State;
  expect(state).toMatchObject({ room: "r", sessions: 1, messages: [{ data: "hi" }] });
  expect((await fetch(`${url}/rooms/r`)).status).toBe(404);
  await multiplexed(`${socket}/live/ws?room=r`);
});

test("a TypeBox schema in a rule is checked, and the error names the field", async () => {
  const schema = Type.Object({ text: Type.String({ minLength: 1 }) });
  const { url } = listen(new Elysia().use(thump({ rooms: { "chat:*": { schema } } })));
  expect((await post(`${url}/rooms/chat:1`, '{"text":"hi"}')).status).toBe(201);
  const refused = await post(`${url}/rooms/chat:1`, '{"text":""}');
  expect(refused.status).toBe(422);
  expect((await refused.json()) as object).toMatchObject({ code: "invalid", errors: [{ path: "/text" }] });
  expect((await post(`${url}/rooms/other`, '{"text":""}')).status).toBe(201);
});

test("socket limits that would lose messages are refused", () => {
  expect(() => new Elysia({ websocket: { backpressureLimit: 64 * 1024 } }).use(thump())).toThrow(
    /backpressureLimit must be at least [0-9]+/,
  );
  expect(() => new Elysia({ websocket: { closeOnBackpressureLimit: true } }).use(thump())).toThrow(
    /closeOnBackpressureLimit/,
  );
});

test("larger limits and other socket options of the app are preserved", () => {
  const given = { backpressureLimit: 64 << 20, maxPayloadLength: 32 << 20, idleTimeout: 77 };
  const app = new Elysia({ websocket: given }).use(thump());
  expect(app.config.websocket).toMatchObject(given);
});

test("the error for an invalid option names the option", () => {
  expect(() => thump({ rooms: { a: { lag: "drop" as "latest" } } })).toThrow(/rooms › a › lag/);
});

test("two apps in one process are independent", async () => {
  const [one, other] = [listen(new Elysia().use(thump())), listen(new Elysia().use(thump()))];
  const raw = await connect(`${other.socket}/rooms/r`);
  await post(`${one.url}/rooms/r`, "one");
  await post(`${other.url}/rooms/r`, "other");
  expect(await raw.next()).toBe("other");
});

test("the app's error handler receives only errors from its own routes", async () => {
  const app = new Elysia()
    .onError(({ code }) => `mine: ${code}`)
    .use(thump())
    .get("/fails", () => {
      throw new Error("oh no");
    });
  const { url } = listen(app);
  expect(await (await fetch(`${url}/fails`)).text()).toBe("mine: UNKNOWN");
  const refused = await fetch(`${url}/rooms/%00`);
  expect(refused.headers.get("content-type")).toBe("application/problem+json");
});
