// GET /rooms/:room as JSON: the recent publications and the long poll.
import { expect, test } from "bun:test";
import { dataOf, eventually, publishAt, type State, stateOf } from "../../support/answers.ts";
import { connect } from "../../support/clients.ts";
import { startServer, type TestServer } from "../../support/server.ts";

async function publishMany(server: TestServer, count: number, body = ""): Promise<string[]> {
  const cursors: string[] = [];
  for (let i = 1; i <= count; i++) cursors.push(await publishAt(server, "r", `${body}${i}`));
  return cursors;
}

test("an unknown room is empty, not an error", async () => {
  const server = startServer();
  const state = await stateOf(server, "r");
  expect(state).toEqual({ room: "r", at: expect.stringMatching(/-0$/), sessions: 0, messages: [] });
  expect((await fetch(server.room("r"))).headers.get("cache-control")).toBe("no-store");
});

test("without a query, the response has the newest 50 messages and the number of sessions", async () => {
  const server = startServer();
  await connect(server.socket("/rooms/r"));
  const cursors = await publishMany(server, 60);
  const state = await stateOf(server, "r");
  expect(state.sessions).toBe(1);
  expect(dataOf(state)).toEqual(Array.from({ length: 50 }, (_, i) => i + 11));
  expect(state.at).toBe(cursors.at(-1)!);
  expect(state).not.toHaveProperty("more");
});

test("?last and ?after", async () => {
  const server = startServer();
  const cursors = await publishMany(server, 5);
  expect(dataOf(await stateOf(server, "r", "?last=2"))).toEqual([4, 5]);
  expect(dataOf(await stateOf(server, "r", "?last=0"))).toEqual([]);
  expect(dataOf(await stateOf(server, "r", `?after=${cursors[2]}`))).toEqual([4, 5]);
  expect(dataOf(await stateOf(server, "r", `?after=${cursors[4]}`))).toEqual([]);
});

test("Last-Event-ID takes precedence over ?after", async () => {
  const server = startServer();
  const cursors = await publishMany(server, 3);
  const response = await fetch(server.room("r", `?after=${cursors[0]}`), {
    headers: { "last-event-id": cursors[1]! },
  });
  expect(dataOf((await response.json()) as State)).toEqual([3]);
});

test("page by page after a cursor, nothing is missed or repeated, and `more` announces the next page", async () => {
  const server = startServer();
  await publishAt(server, "r", "start");
  const start = (await stateOf(server, "r")).at;
  await publishMany(server, 25);
  await publishAt(server, "other", "x");
  const seen: unknown[] = [];
  let page: State;
  let after = start;
  do {
    page = await stateOf(server, "r", `?after=${after}&last=10`);
    seen.push(...dataOf(page));
    after = page.at;
  } while (page.more);
  expect(seen).toEqual(Array.from({ length: 25 }, (_, i) => i + 1));
});

test("a large answer is truncated to the newest messages, or to the oldest after a cursor", async () => {
  const server = startServer();
  const start = await publishAt(server, "r", "start");
  await publishMany(server, 9, "x".repeat(60_000));
  const newest = await stateOf(server, "r", "?last=9");
  expect(newest.messages.length).toBeLessThan(9);
  expect(String(dataOf(newest).at(-1))).toEndWith("9");
  const seen: unknown[] = [];
  let after = start;
  for (;;) {
    const page = await stateOf(server, "r", `?after=${after}`);
    seen.push(...dataOf(page).map((data) => String(data).at(-1)));
    after = page.at;
    if (!page.more) break;
  }
  expect(seen.join("")).toBe("123456789");
});

test("a gap is reported together with the messages still stored", async () => {
  const server = startServer({ rooms: { r: { history: { count: 2 } } } });
  const cursors = await publishMany(server, 5);
  const state = await stateOf(server, "r", `?after=${cursors[0]}`);
  expect(state.gap).toEqual({ after: cursors[0]!, at: cursors[2]! });
  expect(dataOf(state)).toEqual([4, 5]);
  expect(await stateOf(server, "r", `?after=${cursors[2]}`)).not.toHaveProperty("gap");
});

test("a poll is answered at once if there are messages", async () => {
  const server = startServer();
  const [first] = await publishMany(server, 2);
  expect(dataOf(await stateOf(server, "r", `?after=${first}&wait=60`))).toEqual([2]);
  expect(dataOf(await stateOf(server, "r", "?last=1&wait=60"))).toEqual([2]);
  const gap = await stateOf(server, "r", "?after=zzzzzz-9&wait=60");
  expect(gap.gap?.after).toBe("zzzzzz-9");
  expect(server.thump.hub.sessions.size).toBe(0);
});

test("a poll waits for the next publication in its room", async () => {
  const server = startServer();
  const [first] = await publishMany(server, 1);
  const poll = stateOf(server, "r", `?after=${first}&wait=60`);
  await eventually(() => server.thump.sessionsIn("r") === 1);
  await publishAt(server, "other", "not this");
  expect(server.thump.sessionsIn("r")).toBe(1);
  const at = await publishAt(server, "r", "this");
  expect(await poll).toMatchObject({ at, messages: [{ data: "this" }] });
  expect(server.thump.hub.sessions.size).toBe(0);
});

test("a poll that times out returns no messages and the current cursor", async () => {
  const server = startServer();
  const [first] = await publishMany(server, 1);
  const at = await publishAt(server, "other", "x");
  const state = await stateOf(server, "r", `?after=${first}&wait=0.01`);
  expect(state).toMatchObject({ at, messages: [] });
  await eventually(() => server.thump.hub.sessions.size === 0);
});

test("consecutive polls neither miss nor repeat a message", async () => {
  const server = startServer();
  let after = await publishAt(server, "r", "start");
  const seen: unknown[] = [];
  const publishing = (async () => {
    for (let i = 0; i < 200; i++) {
      await server.thump.publish("r", i);
      if (i % 7 === 0) await new Promise(setImmediate);
      if (i % 50 === 0) await eventually(() => server.thump.sessionsIn("r") > 0);
    }
  })();
  while (seen.length < 200) {
    const state = await stateOf(server, "r", `?after=${after}&wait=60`);
    seen.push(...dataOf(state));
    after = state.at;
  }
  await publishing;
  expect(seen).toEqual(Array.from({ length: 200 }, (_, i) => i));
});

test("a poll's session ends when its client disconnects", async () => {
  const server = startServer();
  const abort = new AbortController();
  const poll = fetch(server.room("r", "?wait=60"), { signal: abort.signal }).catch(
    (error: Error) => error.name,
  );
  await eventually(() => server.thump.sessionsIn("r") === 1);
  abort.abort();
  expect(await poll).toBe("AbortError");
  await eventually(() => server.thump.hub.sessions.size === 0);
  expect(server.thump.sessionsIn("r")).toBe(0);
});

test("stopping the server answers waiting polls", async () => {
  const server = startServer();
  const poll = stateOf(server, "r", "?wait=60");
  await eventually(() => server.thump.sessionsIn("r") === 1);
  await server.stop();
  expect(await poll).toMatchObject({ room: "r", messages: [] });
});
