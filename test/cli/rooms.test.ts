// `thump rooms` as a command: lists the rooms as a table or as JSON lines, once or on every change.
import { expect, test } from "bun:test";
import { connect } from "../support/clients.ts";
import { command, onTerminal, run } from "../support/command.ts";
import { startServer } from "../support/server.ts";
import { bearer, SECRET } from "../support/tokens.ts";

const at = ({ url }: { url: string }) => ({ THUMP_URL: url });

test("a table of matching rooms, with their session and stored-message counts", async () => {
  const server = startServer();
  await connect(server.socket("/rooms/chat:1"));
  for (const room of ["chat:1", "chat:2", "other"]) await server.publish(room, "x");
  const { code, out, err } = await run(["rooms", "chat:*"], at(server));
  expect([code, err]).toEqual([0, ""]);
  expect(out.split("\n")).toEqual([
    "sessions     kept  room",
    "       1        1  chat:1",
    "       0        1  chat:2",
  ]);
  expect((await run(["rooms", "none:*"], at(server))).out).toBe("");
});

test("--json: one line per room, of all pages", async () => {
  const server = startServer();
  const names = Array.from({ length: 2300 }, (_, i) => `r${i}`);
  const items = names.map((room) => ({ room, data: 1 }));
  for (let i = 0; i < items.length; i += 1000)
    await fetch(`${server.url}/publish`, { method: "POST", body: JSON.stringify(items.slice(i, i + 1000)) });
  const { code, out } = await run(["rooms", "--json"], at(server));
  expect(code).toBe(0);
  const found = out.split("\n").map((line) => JSON.parse(line) as { room: string; sessions: number });
  expect(found.map(({ room }) => room)).toEqual(names.toSorted());
  expect(found[0]).toMatchObject({ room: "r0", sessions: 0, kept: { count: 1 } });
});

test("--watch in a pipe: all rooms, then one line per change", async () => {
  const server = startServer();
  await server.publish("a", "x");
  const watching = command(["rooms", "--watch", "20ms", "--json"], at(server));
  const next = async () => {
    const { room, sessions } = JSON.parse(await watching.out.next()) as { room: string; sessions: number };
    return [room, sessions];
  };
  expect(await next()).toEqual(["a", 0]);
  const socket = await connect(server.socket("/rooms/b"));
  expect(await next()).toEqual(["b", 1]);
  socket.ws.close();
  expect(await next()).toEqual(["b", 0]);
  watching.process.kill("SIGINT");
  expect(await watching.ended).toBe(130);
});

test("--watch on a terminal: the whole list, repeatedly", async () => {
  const server = startServer();
  for (let i = 0; i < 40; i++) await server.publish(`r${i}`, "x");
  const terminal = onTerminal(["rooms", "--watch", "20ms"], at(server));
  await terminal.until((text) => text.includes("40 rooms, 0 sessions"));
  await terminal.until((text) => text.includes("… and 24 more"));
  await connect(server.socket("/rooms/r7"));
  const text = await terminal.until((so) => so.includes("40 rooms, 1 sessions"));
  expect(text).toContain("\u001b[2J");
  terminal.type("\u0003");
  expect(await terminal.ended).toBe(130);
});

test("requires an API key if the server has any; otherwise exits with 3", async () => {
  const { key, hash } = JSON.parse((await run(["key", "--json"])).out) as { key: string; hash: string };
  const server = startServer({ access: { secrets: SECRET, apiKeys: [{ name: "k", hash }] } });
  await fetch(server.room("r"), { method: "POST", body: "x", headers: bearer(key) });
  expect((await run(["rooms"], { ...at(server), THUMP_API_KEY: key })).out).toContain("r");
  const { code, err } = await run(["rooms"], at(server));
  expect([code, err]).toEqual([3, expect.stringContaining("API key")]);
});

test("the server rejects an invalid pattern", async () => {
  const { code, err } = await run(["rooms", "*a*a*a*a*a*"], at(startServer()));
  expect([code, err]).toEqual([1, expect.stringContaining("invalid-query")]);
});
