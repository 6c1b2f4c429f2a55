// The README's production config, used unchanged: each route accepts only the clients that it should accept.
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { connect, Multiplexed } from "../support/clients.ts";
import { folder, runProcess, startProcess } from "../support/process.ts";
import type { TestServer } from "../support/server.ts";
import { bearer, claims, OTHER_SECRET, SECRET, token } from "../support/tokens.ts";
import { openMultiplexed } from "../support/streams.ts";
import { attempt, WAYS_IN } from "../support/ways-in.ts";

const KEY = "thump_backend";
const HASH = createHash("sha256").update(KEY).digest("hex");
const ENV = { APP_SECRET: SECRET, BACKEND_HASH: HASH };

const read = (path: string) => Bun.file(new URL(`../../${path}`, import.meta.url)).text();
const [, CONFIG = ""] = /For production[^`]*```ts\n(.*?)```/s.exec(await read("README.md")) ?? [];
/** Starts a server with the README's config. */
const start = () => startProcess(["--port", "0"], ENV, folder({ "thump.config.ts": CONFIG }));

test("the config is about ten lines, each with a comment, and is identical in the docs", async () => {
  const settings = CONFIG.split("\n").filter((line) => /^ {2,}[^ }].*[^{]$/.test(line));
  expect(settings.length).toBeWithin(6, 11);
  for (const line of settings) expect(line).toMatch(/\/\/ .{20,}$/);
  expect(await read("docs/authentication.md")).toContain(CONFIG);
});

test("the config admits only the clients that it names", async () => {
  const { url, out } = await start();
  const u7 = bearer(token(claims({ rooms: { "chat:*": ["join", "publish"] } })));
  const statusOf = async (room: string, headers = {}, init: RequestInit = {}) =>
    (await attempt(`${url}/rooms/${room}`, { ...init, headers })).status;
  const post = { method: "POST", body: '"x"' };
  expect([
    await statusOf("news:1"),
    await statusOf("news:1", {}, post),
    await statusOf("news:1", u7, post),
  ]).toEqual([200, 401, 403]);
  expect([await statusOf("user:u7", u7), await statusOf("user:u8", u7), await statusOf("user:u7")]).toEqual([
    200, 403, 401,
  ]);
  for (const room of ["news:1", "user:u7"]) expect(await statusOf(room, bearer(KEY), post)).toBe(201);
  expect([await statusOf("chat:1", u7, post), await statusOf("other", u7, post)]).toEqual([201, 403]);
  const evil = { ...u7, origin: "https://evil.example" };
  expect([await statusOf("chat:1", evil, post), (await attempt(url)).status]).toEqual([403, 404]);
  const ours = { ...u7, origin: "https://app.example" };
  expect(await statusOf("chat:1", ours, post)).toBe(201);
  const client = new Multiplexed(
    await connect(`${url.replace("http", "ws")}/ws?room=user:u7&last=1`, { headers: u7 }),
  );
  expect(await client.find(({ type }) => type === "message")).toMatchObject({ data: "x" });
  for (const secret of [SECRET, KEY, HASH]) expect(out.all.join("\n")).not.toContain(secret);
});

test("the config rejects clients without grants on every route", async () => {
  const { url, port } = await start();
  const server = {
    url,
    port,
    room: (name: string, query = "") => `${url}/rooms/${name}${query}`,
    socket: (path: string) => url.replace("http", "ws") + path,
  } as TestServer;
  const forged = bearer(token(claims(), OTHER_SECRET));
  const ungranted = bearer(token(claims({ rooms: {} })));
  const elsewhere = { ...bearer(token()), origin: "https://evil.example" };
  for (const [name, way] of Object.entries(WAYS_IN)) {
    // A request without a room needs no grant. A batch has one result per item, which is checked below.
    const takesAnyone = name.endsWith("without rooms") || name === "batch";
    const statusOf = async (headers: Record<string, string>) => [name, (await way(server, headers)).status];
    expect(await statusOf(forged)).toEqual([name, 401]);
    expect(await statusOf(elsewhere)).toEqual([name, 403]);
    if (takesAnyone) continue;
    expect(await statusOf({})).toEqual([name, 401]);
    expect(await statusOf(ungranted)).toEqual([name, 403]);
  }
  for (const [headers, code] of [
    [{}, "unauthorized"],
    [ungranted, "forbidden"],
  ] as const) {
    const body = JSON.stringify([
      { room: "r", data: 1 },
      { room: "news:1", data: 1 },
      { room: "user:u7", data: 1 },
    ]);
    const batch = await fetch(`${url}/publish`, { method: "POST", headers, body });
    const { results } = (await batch.json()) as { results: { error?: { code: string } }[] };
    expect(results.map(({ error }) => error?.code)).toEqual([code, code, code]);
    const stream = await openMultiplexed(url, [{ room: "r" }, { room: "user:u8" }], headers);
    const refused = stream.frames.filter(({ type }) => type === "error");
    expect(refused.map((frame) => frame["code"])).toEqual([code, code]);
  }
  const operations: [method: string, path: string][] = [
    ["GET", "/rooms"],
    ["DELETE", "/rooms/news:1/history"],
    ["DELETE", "/sessions/x"],
    ["DELETE", "/users/u7/sessions"],
    ["POST", "/revoke"],
  ];
  for (const [method, path] of operations) {
    const statusOf = async (headers: Record<string, string>) =>
      (await attempt(url + path, { method, headers, ...(method === "POST" ? { body: "{}" } : {}) })).status;
    expect([path, await statusOf({}), await statusOf(bearer(token()))]).toEqual([path, 401, 403]);
  }
  // A forwarded request is not local.
  const proxied = await fetch(`${url}/metrics`, { headers: { "x-forwarded-for": "127.0.0.1" } });
  expect([401, 403]).toContain(proxied.status);
});

test.each(["APP_SECRET", "BACKEND_HASH"])(
  "without %s in the environment, the server does not start",
  async (name) => {
    const env = Object.fromEntries(Object.entries(ENV).filter(([key]) => key !== name));
    const { code, err } = await runProcess([], env, folder({ "thump.config.ts": CONFIG }));
    expect([code, err.trim().split("\n").length]).toEqual([2, 1]);
    expect(err).toContain("access › ");
  },
);
