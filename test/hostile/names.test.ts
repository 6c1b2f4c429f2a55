// Names of built-in JavaScript properties, and patterns that would make a regular expression backtrack.
import { expect, test } from "bun:test";
import { dataOf, problemOf, publishAt, stateOf } from "../support/answers.ts";
import { connect, multiplexed, Multiplexed } from "../support/clients.ts";
import type { RuleOptions } from "../../src/index.ts";
import { startServer } from "../support/server.ts";
import { bearer, claims, SECRET, seconds, token } from "../support/tokens.ts";
import { unharmed } from "../support/unharmed.ts";

const NAMES = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "valueOf",
  "then",
  "__defineGetter__",
  "0",
  "-1",
  "null",
  "undefined",
  "NaN",
];

test.each(NAMES)("%s is an ordinary room, event, key and field", async (name) => {
  const server = startServer({
    rooms: { latest: { lag: "latest" }, "{constructor}:{__proto__}": { history: { count: 2 } } },
  });
  await unharmed(server, async () => {
    const client = await multiplexed(server.socket(`/ws?room=${name}&room=latest&${name}=1&__proto__[x]=1`));
    await client.until((all) => all.filter(({ type }) => type === "joined").length === 2);
    const first = await publishAt(server, name, `{"${name}":{"polluted":1}}`, {
      event: name,
      "idempotency-key": name,
    });
    const again = { event: name, "idempotency-key": name };
    expect(await publishAt(server, name, `{"${name}":{"polluted":1}}`, again)).toBe(first);
    const text = `{"type":"publish","id":"${name}","room":"latest","event":"${name}","key":"${name}","data":{"${name}":[]},"${name}":{"id":7}}`;
    client.socket.send(text);
    await client.until((all) => all.some(({ type, id }) => type === "published" && id === name));
    expect(client.messages(name)).toMatchObject([
      { event: name, data: JSON.parse(`{"${name}":{"polluted":1}}`) },
    ]);
    const { messages } = await stateOf(server, name);
    expect(JSON.stringify(messages)).toContain(`{"${name}":{"polluted":1}}`);
    expect(dataOf(await stateOf(server, "latest"))).toEqual([JSON.parse(`{"${name}":[]}`)]);
    expect(await client.ask({ type: name })).toMatchObject({ code: "unknown-type" });
    expect(await client.ask({ type: "members", room: name })).toMatchObject({ sessions: 1 });
    const listed = await fetch(`${server.url}/rooms?match=${name}`);
    expect(await listed.json()).toMatchObject({ rooms: [{ room: name, sessions: 1 }] });
    for (let i = 0; i < 3; i++) await publishAt(server, `${name}:${name}`, String(i));
    expect(dataOf(await stateOf(server, `${name}:${name}`))).toEqual([1, 2]);
    client.socket.ws.close();
  });
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  expect(Object.keys(Object.prototype)).toEqual([]);
});

test.each(NAMES)("a user named %s has only that user's rights", async (name) => {
  const key = `thump_${"k".repeat(43)}`;
  const hash = new Bun.CryptoHasher("sha256").update(key).digest("hex");
  const server = startServer({
    access: { secrets: SECRET, apiKeys: [{ name, hash }] },
    rooms: { "user:{id}": { join: "owner", publish: "server" }, open: { join: "users", publish: "members" } },
  });
  const grants = `"rooms":{"${name}":["join","publish"]},"info":{"__proto__":{"admin":true}}`;
  const text = `{"sub":"${name}","iat":${seconds()},"exp":${seconds(60)},${grants}}`;
  const open = async (headers: Record<string, string>) =>
    new Multiplexed(await connect(server.socket("/ws?room=open"), { headers }));
  const own = await open(bearer(token(text)));
  const other = await open(bearer(token(claims({ sub: "u7", rooms: {} }))));
  expect(await own.ask({ type: "join", room: `user:${name}` })).toMatchObject({ type: "joined" });
  expect(await own.ask({ type: "join", room: name })).toMatchObject({ type: "joined" });
  for (const room of NAMES.filter((each) => each !== name))
    expect(await own.ask({ type: "join", room })).toMatchObject({ code: "forbidden" });
  expect(await other.ask({ type: "join", room: `user:${name}` })).toMatchObject({ code: "forbidden" });
  expect(await other.ask({ type: "join", room: name })).toMatchObject({ code: "forbidden" });
  await own.ask({ type: "publish", room: "open", data: 1 });
  expect(await other.find(({ type }) => type === "message")).toMatchObject({ from: name, data: 1 });
  const revoked = fetch(`${server.url}/revoke`, {
    method: "POST",
    headers: bearer(key),
    body: JSON.stringify({ user: name }),
  });
  expect(await (await revoked).json()).toMatchObject({ ended: 1 });
  expect(await own.closed).toMatchObject({ code: 4403 });
  expect(await other.ask({ type: "ping" })).toMatchObject({ type: "pong" });
  expect(({} as Record<string, unknown>)["admin"]).toBeUndefined();
});

const OPEN: RuleOptions = { join: "anyone", publish: "anyone" };
const LONG = "a".repeat(255);

test("patterns in rules, grants and lists do not backtrack", async () => {
  const evil = `${"*a".repeat(100)}*b`;
  const parts = `${"{x}:*".repeat(40)}b`;
  const server = startServer({
    access: { secrets: SECRET },
    rooms: {
      bystander: OPEN,
      [evil]: { publish: "anyone" },
      [parts]: { publish: "anyone" },
      "*": { join: "anyone" },
    },
  });
  await unharmed(server, async () => {
    const grants = Object.fromEntries(
      [evil, parts, `${"*a".repeat(120)}c`].map((pattern) => [pattern, ["publish"]]),
    );
    const headers = bearer(token(claims({ rooms: grants })));
    for (const room of [LONG, "a:".repeat(127), `${"a".repeat(254)}!`])
      expect(await problemOf(server.publish(room, "x", headers))).toMatchObject({ code: "forbidden" });
    expect((await server.publish(`${"a".repeat(254)}b`, "x", headers)).status).toBe(201);
  });
});

test("a list's pattern has few wildcards, and matches thousands of long names quickly", async () => {
  const server = startServer();
  await Promise.all(
    Array.from({ length: 3000 }, (_, i) => server.thump.publish(`${"a".repeat(250)}${i}`, 1)),
  );
  await unharmed(server, async () => {
    const list = (match: string) => fetch(`${server.url}/rooms?limit=1&match=${encodeURIComponent(match)}`);
    const refused = ["*a".repeat(5), "{a}".repeat(5), "a".repeat(256), "{".repeat(100)];
    for (const match of refused)
      expect(await problemOf(list(match))).toMatchObject({ code: "invalid-query" });
    for (const match of ["*a*a*a*b", "{a}{b}{c}{d}b", `*${"a".repeat(200)}*b`])
      expect(await (await list(match)).json()).toEqual({ rooms: [], total: 0 });
  });
});
