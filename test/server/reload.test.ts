// Reload on SIGHUP applies new rules, limits and origins without ending a session. An invalid file changes nothing.
import { expect, test } from "bun:test";
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { collect, connect, Inbox, multiplexed } from "../support/clients.ts";
import { folder, type Started, startProcess } from "../support/process.ts";
import { startReloadable } from "../support/reloadable.ts";
import { openEvents } from "../support/streams.ts";

const publish = ({ url }: Started, room: string, body: string) =>
  fetch(`${url}/rooms/${room}`, { method: "POST", body });
const socketUrl = ({ port }: Started, path: string) => `ws://127.0.0.1:${port}${path}`;

test("rules, limits and origins apply immediately, and all sessions stay", async () => {
  const server = await startReloadable('{"rooms":{"r":{}}}');
  const raw = await connect(socketUrl(server, "/rooms/r"));
  const mux = await multiplexed(socketUrl(server, "/ws?room=r"));
  const sse = await openEvents(`${server.url}/rooms/r`);
  await mux.find(({ type }) => type === "joined");
  expect((await publish(server, "r", "before")).status).toBe(201);
  const config = {
    rooms: { r: { publish: "members", schema: { type: "string", maxLength: 5 } }, gone: { join: "server" } },
    limits: { message: 100, rooms: 2 },
    origins: ["https://app.example"],
  };
  const [line] = await server.reload(JSON.stringify(config));
  expect(line).toMatchObject({ level: "INFO" });
  for (const name of ["rooms", "maxMessage", "roomsPerSession", "origins"])
    expect(line?.changed).toContain(name);

  expect((await publish(server, "r", "after")).status).toBe(403);
  expect((await publish(server, "other", "x".repeat(101))).status).toBe(413);
  expect((await fetch(`${server.url}/rooms/gone`)).status).toBe(403);
  const headers = { origin: "https://app.example" };
  expect((await fetch(`${server.url}/rooms/r`, { headers })).status).toBe(200);
  expect(await mux.ask({ type: "publish", room: "r", data: "too long" })).toMatchObject({ code: "invalid" });
  expect(await mux.ask({ type: "publish", room: "r", data: "after" })).toMatchObject({ type: "published" });
  expect(await mux.ask({ type: "join", room: "b" })).toMatchObject({ type: "joined" });
  expect(await mux.ask({ type: "join", room: "c" })).toMatchObject({ code: "limit" });
  // The sessions are still the same.
  await raw.until((frames) => frames.length === 2);
  expect(raw.all).toEqual(["before", "after"]);
  await sse.events.until((events) => events.length === 2);
  for (const { ws } of [raw, mux.socket]) expect(ws.readyState).toBe(ws.OPEN);
});

test.each([
  ["a file that is not JSON", "{"],
  ["an unknown option", '{"rooms":{},"prot":1}'],
  ["an invalid schema", '{"rooms":{"r":{"schema":{"type":"string","pattern":"["}}}}'],
  ["an invalid rule", '{"rooms":{"r":{"publish":"nobody"}}}'],
])("%s changes nothing, and is logged", async (_, bad) => {
  const server = await startReloadable('{"rooms":{"r":{"publish":"server"}},"limits":{"message":10}}');
  const [line] = await server.reload(bad);
  expect(line?.level).toBe("ERROR");
  expect(line?.message).toContain("nothing has changed");
  expect(line?.reason).toMatch(/thump\.config\.json|rooms: /);
  expect((await publish(server, "r", "x")).status).toBe(403);
  expect((await publish(server, "other", "12345678901")).status).toBe(413);
  const text = await (await fetch(`${server.url}/metrics`)).text();
  expect(text).toContain('thump_reloads_total{result="failed"} 1');
  const [again] = await server.reload('{"rooms":{}}');
  expect(again?.changed).toContain("rooms");
  expect((await publish(server, "r", "x")).status).toBe(201);
});

test("settings that need a restart are logged, and the others are applied", async () => {
  const server = await startReloadable("{}");
  const config = {
    port: 1,
    heartbeat: 1,
    limits: { message: "10MiB", body: "2MiB" },
    rooms: { r: { publish: "server" } },
  };
  const lines = await server.reload(JSON.stringify(config));
  const restart = lines.find((line) => line.restart)?.restart?.split(", ");
  // The port is not listed, because a flag sets it and takes precedence over the file.
  expect(restart?.toSorted()).toEqual(["heartbeat", "maxMessage"]);
  expect(lines[0]?.changed?.split(", ").toSorted()).toEqual(["maxBody", "rooms"]);
  expect((await publish(server, "r", "x")).status).toBe(403);
  expect((await publish(server, "big", "x".repeat(70_000))).status).toBe(413);
});

test("the message limit can grow as far as the socket limits allow", async () => {
  const server = await startReloadable("{}");
  const raw = await connect(socketUrl(server, "/rooms/r?echo=1"));
  const [line] = await server.reload('{"limits":{"message":"200KiB"}}');
  expect(line?.changed).toBe("maxMessage");
  const large = "x".repeat(150_000);
  raw.send(large);
  expect(await raw.next()).toBe(large);
  expect((await publish(server, "r", large)).status).toBe(201);
  expect(await raw.next()).toBe(large);
});

test("if nothing differs, nothing changes", async () => {
  const server = await startReloadable('{"rooms":{"r":{"history":{"count":2}}}}');
  expect((await server.reload('{"rooms":{"r":{"history":{"count":2}}}}'))[0]?.changed).toBe("nothing");
});

test("a TypeScript file is reloaded together with its imports from the same folder", async () => {
  const cwd = folder({
    "thump.config.ts": 'import { rooms } from "./parts/rooms.ts"; export default { rooms };',
  });
  mkdirSync(join(cwd, "parts"));
  const rule = (publishers: string) => `export const rooms = { r: { publish: "${publishers}" } };`;
  writeFileSync(join(cwd, "parts/rooms.ts"), rule("server"));
  const started = await startProcess(["--port", "0", "--no-demo", "--log", "json"], {}, cwd);
  const log = new Inbox<string>();
  void collect(started.process.stderr, log);
  expect((await publish(started, "r", "x")).status).toBe(403);
  for (const [publishers, status] of [
    ["anyone", 201],
    ["members", 403],
    ["anyone", 201],
  ] as const) {
    const before = log.all.length;
    writeFileSync(join(cwd, "parts/rooms.ts"), rule(publishers));
    started.process.kill("SIGHUP");
    await log.until((lines) => lines.slice(before).some((line) => line.includes("reloaded")));
    expect((await publish(started, "r", "x")).status).toBe(status);
  }
});

test("a folder that is replaced through a symbolic link, as in Kubernetes, is reloaded", async () => {
  const rule = (publishers: string) =>
    `import { r } from "./r.ts"; export default { rooms: { r: { ...r, publish: "${publishers}" } } };`;
  const part = 'export const r = { lag: "latest" };';
  const cwd = folder();
  for (const [version, publishers] of [
    ["1", "server"],
    ["2", "anyone"],
  ] as const) {
    mkdirSync(join(cwd, version));
    writeFileSync(join(cwd, version, "thump.config.ts"), rule(publishers));
    writeFileSync(join(cwd, version, "r.ts"), part);
  }
  symlinkSync("1", join(cwd, "data"));
  symlinkSync("data/thump.config.ts", join(cwd, "thump.config.ts"));
  const started = await startProcess(["--port", "0", "--no-demo", "--log", "json"], {}, cwd);
  const log = new Inbox<string>();
  void collect(started.process.stderr, log);
  expect((await publish(started, "r", "x")).status).toBe(403);
  symlinkSync("2", join(cwd, "next"));
  renameSync(join(cwd, "next"), join(cwd, "data"));
  started.process.kill("SIGHUP");
  await log.until((lines) => lines.some((line) => line.includes("reloaded")));
  expect((await publish(started, "r", "x")).status).toBe(201);
});

test("new history limits apply to stored messages, and never hide a gap", async () => {
  const server = await startReloadable('{"rooms":{"brief":{"history":false},"*":{"history":{"count":100}}}}');
  const at = async (response: Promise<Response>) => ((await (await response).json()) as { at: string }).at;
  const first = await at(publish(server, "brief", "1"));
  await publish(server, "brief", "2");
  const kept = await at(publish(server, "kept", "1"));
  for (const body of ["2", "3", "4"]) await publish(server, "kept", body);
  // Under the new rules, "brief" has no rule of its own.
  await server.reload('{"rooms":{"*":{"history":{"count":2}}}}');
  const state = async (room: string, after: string) =>
    (await (await fetch(`${server.url}/rooms/${room}?after=${after}`)).json()) as {
      gap?: object;
      messages: { data: unknown }[];
    };
  expect(await state("brief", first)).toHaveProperty("gap");
  const { gap, messages } = await state("kept", kept);
  expect(gap).toBeDefined();
  expect(messages.map(({ data }) => data)).toEqual([3, 4]);
  await publish(server, "brief", "3");
  expect((await state("brief", first)).messages.map(({ data }) => data)).toEqual([3]);
});

test("many consecutive reloads while clients publish lose no message", async () => {
  const server = await startReloadable('{"rooms":{"r":{"history":{"count":5000}}}}');
  const raw = await connect(socketUrl(server, "/rooms/r"));
  const mux = await multiplexed(socketUrl(server, "/ws"));
  for (let i = 0; i < 1000; i++) {
    mux.socket.send(JSON.stringify({ type: "publish", id: `p${i}`, room: "r", data: i }));
    if (i % 100 === 0) await server.reload(`{"rooms":{"r":{"history":{"count":${5000 + i}}}}}`);
  }
  await raw.until((frames) => frames.length === 1000);
  expect(raw.all.map(Number)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
});
