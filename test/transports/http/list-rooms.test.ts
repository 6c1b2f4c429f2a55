// Listing many rooms: pages, sort orders, totals, and the effect on other work.
import { expect, test } from "bun:test";
import { eventually, problemOf, publishAt } from "../../support/answers.ts";
import { multiplexed } from "../../support/clients.ts";
import { startServer, type TestServer } from "../../support/server.ts";

interface List {
  rooms: { room: string; sessions: number; newest?: number; kept?: { count: number; bytes: number } }[];
  total: number;
  cursor?: string;
}

async function list({ url }: TestServer, query: Record<string, string>): Promise<List> {
  const response = await fetch(`${url}/rooms?${new URLSearchParams(query)}`);
  expect(response.status).toBe(200);
  return (await response.json()) as List;
}

test("the server continues other work while it finds a page of 100,000 rooms", async () => {
  const server = startServer();
  const names = Array.from({ length: 100_000 }, (_, i) => `room:${String(i).padStart(6, "0")}`);
  // Publishes in an order that is not alphabetical.
  for (let i = 0; i < names.length; i++)
    await server.thump.publish(names[(i * 7919) % names.length] as string, 1);
  const first = await list(server, { limit: "1000" });
  expect(first.total).toBe(100_000);
  expect(first.rooms.map(({ room }) => room)).toEqual(names.slice(0, 1000));
  const later = await list(server, { limit: "3", cursor: "room:054321" });
  expect(later.rooms.map(({ room }) => room)).toEqual(["room:054322", "room:054323", "room:054324"]);
  const last = await list(server, { cursor: "room:099998" });
  expect(last.rooms.map(({ room }) => room)).toEqual(["room:099999"]);
  expect(last).not.toHaveProperty("cursor");
  const found = await list(server, { match: "*99*9" });
  expect(found.total).toBe(names.filter((name) => /99.*9$/.test(name)).length);
  // Several ticks pass during the search.
  let turns = 0;
  const looking = list(server, { match: "{a}:*7" });
  const count = () => void (turns++, setImmediate(count));
  const stop = setImmediate(count);
  expect((await looking).total).toBe(10_000);
  clearImmediate(stop);
  expect(turns).toBeGreaterThan(20);
}, 60_000);

test("rooms sorted by number of sessions, page by page", async () => {
  const server = startServer();
  const sizes = { a: 1, b: 3, c: 0, d: 2, e: 1 };
  await publishAt(server, "c", "kept");
  for (let i = 0; i < 3; i++) {
    const rooms = Object.entries(sizes).filter(([, size]) => size > i);
    await multiplexed(server.socket(`/ws?${rooms.map(([room]) => `room=${room}`).join("&")}`));
  }
  await eventually(() => server.thump.sessionsIn("b") === 3);
  const names: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await list(server, { sort: "sessions", limit: "2", ...(cursor ? { cursor } : {}) });
    names.push(...page.rooms.map(({ room }) => room));
    cursor = page.cursor;
  } while (cursor);
  expect(names).toEqual(["b", "d", "a", "e", "c"]);
});

test("the list has each room's number of stored messages and the time of its last publication", async () => {
  const server = startServer();
  const before = Date.now();
  await publishAt(server, "r", "12345");
  await publishAt(server, "r", "1");
  const { rooms } = await list(server, {});
  expect(rooms).toMatchObject([{ room: "r", sessions: 0, kept: { count: 2, bytes: 6 + 2 * 256 } }]);
  expect(rooms[0]?.newest).toBeWithin(before, Date.now() + 1);
});

test("a page cursor from a different sort order and an unknown sort order are rejected with a specific error", async () => {
  const server = startServer();
  for (const query of ["?sort=sessions&cursor=abc", "?sort=size"])
    expect(await problemOf(fetch(`${server.url}/rooms${query}`))).toMatchObject({ code: "invalid-query" });
});
