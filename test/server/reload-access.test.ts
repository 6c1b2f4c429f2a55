// Reloading `access`: secrets, keys and hooks change without ending sessions, and no reload opens a server by accident.
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { problemOf } from "../support/answers.ts";
import { connect, Multiplexed } from "../support/clients.ts";
import { type Reloadable, startReloadable } from "../support/reloadable.ts";
import { bearer, claims, OTHER_SECRET, SECRET, token } from "../support/tokens.ts";

type Headers = Record<string, string>;

const MASTER = "thump_master";
const hash = (key: string) => createHash("sha256").update(key).digest("hex");
const publish = ({ url }: Reloadable, room: string, headers: Headers = {}) =>
  fetch(`${url}/rooms/${room}`, { method: "POST", body: "x", headers });
const statusOf = async (server: Reloadable, room: string, headers: Headers = {}) =>
  (await publish(server, room, headers)).status;
const open = async ({ port }: Reloadable, path: string, headers: Headers = {}) =>
  new Multiplexed(await connect(`ws://127.0.0.1:${port}${path}`, { headers }));
const access = (secrets: string | string[], ...apiKeys: object[]) => ({ access: { secrets, apiKeys } });

test("a secret is rotated in three steps, and sessions that renew their token stay connected", async () => {
  const master = { name: "master", hash: hash(MASTER) };
  const server = await startReloadable(access(SECRET, master));
  const [old, next] = [token(), token(claims(), OTHER_SECRET)];
  const client = await open(server, "/ws?room=r", bearer(old));
  const late = await open(server, "/ws?room=r", bearer(old));
  expect(await statusOf(server, "r", bearer(next))).toBe(401);
  const revoked = token(claims({ sub: "u8", iat: 1 }));
  const revoke = { method: "POST", body: '{"user":"u8"}', headers: bearer(MASTER) };
  expect((await fetch(`${server.url}/revoke`, revoke)).status).toBe(200);

  const [line] = await server.reload(access([OTHER_SECRET, SECRET], master));
  expect([line?.changed, line?.restart]).toEqual(["access", undefined]);
  for (const credential of [old, next]) expect(await statusOf(server, "r", bearer(credential))).toBe(201);
  expect(await problemOf(publish(server, "r", bearer(revoked)))).toMatchObject({ code: "revoked" });

  expect(await client.ask({ type: "auth", token: next })).toMatchObject({ type: "authorized" });
  await server.reload(access(OTHER_SECRET, master));
  expect([
    await statusOf(server, "r", bearer(old)),
    await statusOf(server, "r", bearer(next)),
    await statusOf(server, "r", bearer(MASTER)),
  ]).toEqual([401, 201, 201]);
  // This client has replaced its old token, which was signed with the old secret.
  expect(await client.ask({ type: "publish", room: "r", data: 1 })).toMatchObject({ type: "published" });
  expect(await client.ask({ type: "auth", token: old })).toMatchObject({ code: "unauthorized" });
  expect(client.socket.ws.readyState).toBe(client.socket.ws.OPEN);
  expect((await late.closed).code).toBe(4401);
});

test("removing an API key ends its sessions; changed permissions apply to live sessions", async () => {
  const [master, other] = [
    { name: "master", hash: hash(MASTER) },
    { name: "other", hash: hash("thump_other") },
  ];
  const server = await startReloadable(access(SECRET, master, { ...other, rooms: { a: ["publish"] } }));
  const [gone, kept] = [
    await open(server, "/ws?room=r", bearer(MASTER)),
    await open(server, "/ws", bearer("thump_other")),
  ];
  const mayPublish = async (room: string) =>
    (await kept.ask({ type: "publish", room, data: 1 })).type === "published";
  expect([await mayPublish("a"), await mayPublish("b")]).toEqual([true, false]);
  const narrowed = access(SECRET, { ...other, rooms: { b: ["publish"] } });
  await server.reload(narrowed);
  expect(await gone.closed).toEqual({ code: 4403, reason: "API key removed" });
  expect(await statusOf(server, "a", bearer(MASTER))).toBe(401);
  expect([await mayPublish("a"), await mayPublish("b")]).toEqual([false, true]);
  // A second reload replaces the key once more.
  await server.reload(access(SECRET, { ...other, rooms: { a: ["publish"], b: ["publish"] } }));
  expect([await mayPublish("a"), await mayPublish("b")]).toEqual([true, true]);
});

test.each<[what: string, config: object]>([
  ["the last secret is removed", { host: "0.0.0.0" }],
  ["the last secret is removed, and the host would change at a restart", {}],
  ["access becomes empty", { host: "0.0.0.0", access: {} }],
  ["a key is invalid", { host: "0.0.0.0", access: { secrets: OTHER_SECRET, keys: ["no key"] } }],
])("on a server that other machines can reach, nothing changes if %s", async (_, config) => {
  const server = await startReloadable({ host: "0.0.0.0", ...access(SECRET) });
  const [line] = await server.reload(config);
  expect([line?.level, line?.message]).toEqual(["ERROR", "not reloaded, nothing has changed: {reason}"]);
  expect(line?.reason).toMatch(/secret|access/);
  expect(line?.reason).not.toContain(OTHER_SECRET);
  expect([
    await statusOf(server, "r"),
    await statusOf(server, "r", bearer(token())),
    await statusOf(server, "r", bearer(token(claims(), OTHER_SECRET))),
  ]).toEqual([401, 201, 401]);
});

test("a reload opens the server if `open` is set", async () => {
  const server = await startReloadable({ host: "0.0.0.0", ...access(SECRET) });
  const [line] = await server.reload({ host: "0.0.0.0", open: true });
  expect(line?.changed?.split(", ").toSorted()).toEqual(["access", "open"]);
  expect(await statusOf(server, "r")).toBe(201);
  expect((await server.reload({ host: "0.0.0.0" }))[0]).toMatchObject({ level: "ERROR" });
});

test("the first secret closes rooms without a rule, and removing the last one opens them", async () => {
  const rooms = { news: { join: "anyone", publish: "anyone" } };
  const server = await startReloadable({ rooms });
  const called = { host: "thump.example" };
  const codeOf = async (headers: Headers) =>
    ((await (await publish(server, "other", headers)).json()) as { code?: string }).code;
  const client = await open(server, "/ws?room=other");
  expect([await statusOf(server, "other"), await codeOf(called)]).toEqual([201, "origin"]);

  await server.reload({ rooms, ...access(SECRET) });
  expect([await statusOf(server, "other"), await statusOf(server, "news")]).toEqual([401, 201]);
  // A server with secrets accepts any host name.
  expect(await codeOf(called)).toBe("unauthorized");
  expect(await client.ask({ type: "publish", room: "other", data: 1 })).toMatchObject({
    code: "unauthorized",
  });
  expect(await statusOf(server, "other", bearer(token()))).toBe(201);
  // The client has been removed from the room.
  expect(await client.find(({ type }) => type === "left")).toMatchObject({ room: "other" });
  expect(client.messages("other")).toHaveLength(1);

  await server.reload({ rooms });
  expect([await statusOf(server, "other"), await codeOf(called)]).toEqual([201, "origin"]);
  expect(
    (await fetch(`${server.url}/openapi.json`).then((response) => response.json())) as object,
  ).not.toHaveProperty("security");
});

test("a hook in a config file is replaced without a restart", async () => {
  const config = (room: string) =>
    `export default { authorize: ({ room }) => room === ${JSON.stringify(room)} };`;
  const server = await startReloadable(config("a"), "thump.config.ts");
  expect([await statusOf(server, "a"), await statusOf(server, "b")]).toEqual([201, 403]);
  const lines = await server.reload(config("b"));
  expect(lines.map(({ changed, restart }) => [changed, restart])).toEqual([["authorize", undefined]]);
  expect([await statusOf(server, "a"), await statusOf(server, "b")]).toEqual([403, 201]);
});
