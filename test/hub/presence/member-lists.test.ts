// Member lists that many clients request: a large room's list is built once for all requests, one slice per tick.
import { expect, spyOn, test } from "bun:test";
import type { Options } from "../../../src/index.ts";
import { gzip } from "../../../src/hub/content-coding.ts";
import { MemberLists } from "../../../src/hub/presence/member-lists.ts";
import type { Room } from "../../../src/hub/room.ts";
import { PresenceSet } from "../../../src/rooms/presence/presence-set.ts";
import { connect, type Multiplexed, multiplexed } from "../../support/clients.ts";
import { membersOf, presenceClock, userToken } from "../../support/presence.ts";
import { startServer } from "../../support/server.ts";
import { openEvents } from "../../support/streams.ts";
import { bearer, SECRET } from "../../support/tokens.ts";

const RULES: [string, Options["rooms"]][] = [
  ["without presence", {}],
  ["with presence", { r: { presence: true } }],
];

test.each(RULES)("the members of a large room %s are listed once for many requests", async (_, rooms) => {
  const server = startServer({ ...(rooms && { rooms }), access: { secrets: SECRET } });
  const open = (i: number) => connect(server.socket("/rooms/r"), { headers: bearer(userToken(`u${i}`)) });
  await Promise.all(Array.from({ length: 300 }, (_, i) => open(i)));
  const client = await multiplexed(server.socket("/ws"), { headers: bearer(userToken("watcher")) });
  using gathered = spyOn(PresenceSet.prototype, "report");
  const { lists } = server.thump.hub.presence;
  const before = lists.visits;
  const answers = await Promise.all(
    Array.from({ length: 500 }, () => client.ask({ type: "members", room: "r" })),
  );
  for (const answer of answers) expect(answer).toMatchObject({ type: "members", users: 300 });
  expect((await membersOf(server, "r")).users).toBe(300);
  expect(gathered.mock.calls.length).toBeLessThanOrEqual(300);
  expect(lists.visits - before).toBeLessThanOrEqual(300);
});

test("the list of a small room is always current", async () => {
  const server = startServer();
  const watcher = await multiplexed(server.socket("/ws"));
  const sockets: Multiplexed[] = [];
  for (let i = 1; i <= 20; i++) {
    sockets.push(await multiplexed(server.socket("/ws?room=r")));
    await sockets.at(-1)?.ask({ type: "ping" });
    expect(await watcher.ask({ type: "members", room: "r" })).toMatchObject({ guests: i });
  }
  for (const socket of sockets) await socket.ask({ type: "leave", room: "r" });
  expect(await watcher.ask({ type: "members", room: "r" })).toMatchObject({ guests: 0 });
});

/** A room with only the fields that its member list needs. */
function roomOf(sessions: number): Room {
  const member = (i: number) => ({
    session: { id: `s${i}`, identity: { user: `u${i}` }, since: i, countsAsPresent: true, ended: false },
  });
  return {
    changes: 0,
    members: new Set(Array.from({ length: sessions }, (_, i) => member(i))),
  } as unknown as Room;
}

test("many large rooms are listed concurrently within one slice per tick", async () => {
  const lists = new MemberLists(() => performance.now());
  let most = 0;
  let before = 0;
  let done = false;
  const watch = () => {
    most = Math.max(most, lists.visits - before);
    before = lists.visits;
    if (!done) setImmediate(watch);
  };
  const answers = Array.from({ length: 5 }, (_, i) => lists.ofRoom(`r${i}`, roomOf(3000)));
  watch();
  for (const answer of answers) expect(await answer).toContain('"users":3000');
  done = true;
  expect(lists.visits).toBe(15_000);
  expect(most).toBeLessThanOrEqual(1000);
});

test("a large room's list may be 1 ms old per session, and no older", async () => {
  let now = 1000;
  const lists = new MemberLists(() => now);
  const room = roomOf(200);
  const first = await lists.ofRoom("r", room);
  room.changes++;
  room.members.clear();
  for (const membership of roomOf(150).members) room.members.add(membership);
  now += 199;
  expect(await lists.ofRoom("r", room)).toBe(first);
  now += 1;
  expect(await lists.ofRoom("r", room)).not.toBe(first);
});

test("the number of cached lists is limited", async () => {
  const lists = new MemberLists(() => 0);
  const rule = "x".repeat(200);
  for (let i = 0; i < 400; i++) {
    const room = roomOf(200);
    for (const { session } of room.members)
      Object.assign(session, { identity: { user: `${rule}${session.id}` } });
    await lists.ofRoom(`r${i}`, room);
  }
  expect(lists.cachedCharacters).toBeLessThanOrEqual(8 << 20);
});

test("streams that start before the next change share one snapshot, which is compressed once", async () => {
  const server = startServer({ rooms: { r: { presence: true, compress: "streams" } } });
  presenceClock(server);
  await connect(server.socket("/rooms/r"));
  using block = spyOn(gzip, "block");
  const url = server.room("r", "?presence=1");
  const streams = [];
  for (let i = 0; i < 8; i++) streams.push(await openEvents(url, { "accept-encoding": "gzip" }));
  for (const stream of streams) {
    const { data } = await stream.events.find(({ event }) => event === "thump:presence");
    expect(JSON.parse(data)).toMatchObject({ users: 0, members: [] });
  }
  const texts = block.mock.calls.map(([chunk]) => new TextDecoder().decode(chunk));
  // For the second stream, the first stream's join is a change. No later change is sent before the room's next message.
  expect(texts.filter((text) => text.includes('"members"')).length).toBeLessThanOrEqual(2);
});
