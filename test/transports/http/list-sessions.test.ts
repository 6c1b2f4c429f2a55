// Session lists for operators, and the details of one session.
import { expect, test } from "bun:test";
import type { SessionDetail, SessionRow } from "../../../src/console/app/server-api.ts";
import { eventually, problemOf } from "../../support/answers.ts";
import { connect, Multiplexed, multiplexed } from "../../support/clients.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { openEvents } from "../../support/streams.ts";
import { bearer, claims, SECRET, token } from "../../support/tokens.ts";

async function list(
  { url }: TestServer,
  query = "",
): Promise<{ sessions: SessionRow[]; total: number; cursor?: string }> {
  const response = await fetch(`${url}/sessions${query}`);
  expect(response.status).toBe(200);
  return (await response.json()) as { sessions: SessionRow[]; total: number; cursor?: string };
}

async function detail({ url }: TestServer, id: string): Promise<SessionDetail> {
  const response = await fetch(`${url}/sessions/${id}`);
  expect(response.status).toBe(200);
  return (await response.json()) as SessionDetail;
}

test("page by page, every session is listed once, newest first", async () => {
  const server = startServer();
  for (let i = 0; i < 12; i++) await connect(server.socket(`/rooms/${i % 2 ? "odd" : "even"}`));
  await eventually(() => server.thump.hub.sessions.size === 12);
  const seen: SessionRow[] = [];
  let cursor: string | undefined;
  do {
    const page = await list(server, `?limit=5${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    expect(page.total).toBe(12);
    seen.push(...page.sessions);
    cursor = page.cursor;
  } while (cursor !== undefined);
  expect(seen.map(({ session }) => session).toSorted()).toEqual(
    [...server.thump.hub.sessions.keys()].toSorted(),
  );
  expect(seen.map(({ since }) => since)).toEqual(seen.map(({ since }) => since).toSorted((a, b) => b - a));
  expect(seen[0]).toMatchObject({
    transport: "raw-websocket",
    address: "127.0.0.1",
    rooms: 1,
    lagging: false,
  });
});

test("the list can be filtered by room, by user and by lagging sessions", async () => {
  const server = startServer({ access: { secrets: SECRET, apiKeys: [KEY] } });
  const as = (sub: string) => ({ headers: bearer(token(claims({ sub }))) });
  await connect(server.socket("/rooms/a"), as("ann"));
  await connect(server.socket("/rooms/b"), as("ann"));
  await connect(server.socket("/ws?room=a&room=b"), as("bob"));
  await eventually(() => server.thump.sessionsIn("b") === 2);
  const users = async (query: string) => {
    const response = await fetch(`${server.url}/sessions${query}`, { headers: bearer(MASTER) });
    const { sessions } = (await response.json()) as { sessions: SessionRow[] };
    return sessions.map(({ user }) => user).toSorted();
  };
  expect(await users("?room=a")).toEqual(["ann", "bob"]);
  expect(await users("?room=a&room=b")).toEqual(["bob"]);
  expect(await users("?user=ann")).toEqual(["ann", "ann"]);
  expect(await users("?user=ann&room=b")).toEqual(["ann"]);
  expect(await users("?room=nowhere")).toEqual([]);
  expect(await users("?lagging=1")).toEqual([]);
});

test("a session's details have its positions and the numbers of messages sent and received", async () => {
  const server = startServer();
  const mux = await multiplexed(server.socket("/ws?room=a&room=b"));
  const { session } = await mux.next();
  await mux.until((frames) => frames.length === 3);
  for (const room of ["a", "a", "b", "elsewhere"]) await server.publish(room, "x");
  await mux.until(() => mux.messages().length === 3);
  await mux.ask({ type: "ping" });
  const { memberships, ...rest } = await detail(server, String(session));
  expect(rest).toMatchObject({
    session,
    transport: "websocket",
    address: "127.0.0.1",
    rooms: 2,
    lagging: false,
    lags: { times: 0 },
    full: false,
    sent: 3,
    received: 1,
  });
  expect(rest.waiting).toBe(0);
  const at = server.thump.hub.at;
  expect(memberships).toEqual([
    { room: "a", at, live: true, behind: 0, lag: "catch-up" },
    { room: "b", at, live: true, behind: 0, lag: "catch-up" },
  ]);
});

test("a lagging session's details state how far it lags and why", async () => {
  const server = startServer({ rooms: { r: { history: { count: 100_000, bytes: "200MiB" } } } });
  const slow = await connect(server.socket("/rooms/r"));
  slow.ws.pause();
  const [id = ""] = server.thump.hub.sessions.keys();
  const chunk = "x".repeat(30_000);
  let count = 0;
  while (server.thump.hub.stats.lagging === 0) {
    await server.thump.publish("r", `${count++} ${chunk}`);
    if (count % 20 === 0) await new Promise(setImmediate);
  }
  const before = (await detail(server, id)).memberships[0]?.behind ?? 0;
  for (let i = 0; i < 7; i++) await server.thump.publish("r", "more");
  const { lagging, lags, waiting = 0, full, memberships } = await detail(server, id);
  expect({ lagging, full, times: lags.times }).toEqual({ lagging: true, full: true, times: 1 });
  expect(lags.waiting).toBeGreaterThan(server.thump.socketLimits.highWatermark);
  expect(waiting).toBeGreaterThan(server.thump.socketLimits.highWatermark);
  expect(memberships[0]).toMatchObject({ room: "r", live: false, behind: before + 7 });
  expect((await list(server, "?lagging=1")).sessions).toMatchObject([{ session: id, lagging: true }]);
  slow.ws.resume();
  await eventually(() => server.thump.hub.stats.lagging === 0);
  expect(await detail(server, id)).toMatchObject({
    lagging: false,
    lags: { times: 1 },
    memberships: [{ live: true, behind: 0 }],
  });
  expect((await list(server, "?lagging=1")).sessions).toEqual([]);
});

test("a lagging session that disconnects no longer counts as lagging", async () => {
  const server = startServer({ rooms: { r: { history: { count: 100_000, bytes: "200MiB" } } } });
  const slow = await connect(server.socket("/rooms/r"));
  slow.ws.pause();
  const chunk = "x".repeat(30_000);
  for (let i = 0; server.thump.hub.stats.lagging === 0; i++) {
    await server.thump.publish("r", chunk);
    if (i % 20 === 0) await new Promise(setImmediate);
  }
  slow.ws.terminate();
  await eventually(() => server.thump.hub.sessions.size === 0);
  expect(server.thump.hub.stats.lagging).toBe(0);
});

test("streams and polls are sessions too", async () => {
  const server = startServer();
  await openEvents(server.room("r"));
  const [id = ""] = server.thump.hub.sessions.keys();
  const found = await detail(server, id);
  expect(found).toMatchObject({
    transport: "event-stream",
    full: false,
    memberships: [{ room: "r", live: true }],
  });
  expect(found).not.toHaveProperty("waiting");
});

test("unknown sessions and invalid cursors are rejected with a specific error", async () => {
  const server = startServer();
  expect(await problemOf(fetch(`${server.url}/sessions/none`))).toMatchObject({
    status: 404,
    code: "not-found",
  });
  for (const query of ["?cursor=x", "?limit=x", "?lagging=yes"])
    expect(await problemOf(fetch(`${server.url}/sessions${query}`))).toMatchObject({ code: "invalid-query" });
});

const MASTER = "thump_master";
const KEY = { name: "master", hash: new Bun.CryptoHasher("sha256").update(MASTER).digest("hex") };
const LOOKER = "thump_looker";

test.each(["/sessions", "/sessions/none", "/rules"])(
  "with credentials configured, %s requires an API key with the `inspect` permission",
  async (path) => {
    const hash = new Bun.CryptoHasher("sha256").update(LOOKER).digest("hex");
    const server = startServer({
      access: {
        secrets: SECRET,
        apiKeys: [KEY, { name: "looker", hash, may: ["inspect"] }, { name: "other", hash: "0".repeat(64) }],
      },
    });
    const ask = (headers: Record<string, string>) => fetch(server.url + path, { headers });
    expect((await ask(bearer(MASTER))).status).toBe(path === "/sessions/none" ? 404 : 200);
    expect((await ask(bearer(LOOKER))).status).toBe(path === "/sessions/none" ? 404 : 200);
    expect(await problemOf(ask({}))).toMatchObject({ code: "unauthorized" });
    expect(await problemOf(ask(bearer(token())))).toMatchObject({ code: "forbidden" });
  },
);

test("an open server shows its sessions only to local requests", async () => {
  const server = startServer({ open: true });
  expect((await fetch(`${server.url}/sessions`)).status).toBe(200);
  for (const header of ["x-forwarded-for", "forwarded", "via"]) {
    const passedOn = fetch(`${server.url}/sessions`, { headers: { [header]: "10.0.0.1" } });
    expect(await problemOf(passedOn)).toMatchObject({ status: 403, code: "forbidden" });
  }
});

test("a multiplexed socket without rooms has details too", async () => {
  const server = startServer();
  const mux = new Multiplexed(await connect(server.socket("/ws")));
  const { session } = await mux.next();
  expect(await detail(server, String(session))).toMatchObject({ rooms: 0, memberships: [] });
});
