// Joins: a session enters many rooms one slice per tick, and joins all of them or none.
import { expect, test } from "bun:test";
import { BoundedReads } from "../../src/hub/bounded-reads.ts";
import { JoinCoordinator, type JoinHost, type JoinResult } from "../../src/hub/join.ts";
import { LeaveCoordinator } from "../../src/hub/leave.ts";
import type { Room } from "../../src/hub/room.ts";
import type { Membership } from "../../src/hub/session.ts";
import { Stats } from "../../src/hub/stats.ts";
import { now } from "../../src/log/clock.ts";
import { eventually } from "../support/answers.ts";
import { multiplexed } from "../support/clients.ts";
import { randomTest } from "../support/random.ts";
import { startServer } from "../support/server.ts";
import { publication } from "../support/publications.ts";
import { enter, FakeSocket, FakeStream, roomWith } from "../support/sessions.ts";
import { openEvents, openMultiplexed } from "../support/streams.ts";

const names = (prefix: string, count = 1000) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const query = (rooms: string[]) => rooms.map((room) => `room=${room}`).join("&");

test("sessions that each join 1,000 rooms share one slice per tick", async () => {
  const server = startServer();
  const { rooms } = server.thump.hub;
  let most = 0;
  let before = 0;
  let done = false;
  const watch = () => {
    most = Math.max(most, rooms.size - before);
    before = rooms.size;
    if (!done) setImmediate(watch);
  };
  watch();
  const streams = await Promise.all(
    ["a", "b", "c"].map((prefix) =>
      openMultiplexed(
        server.url,
        names(prefix).map((room) => ({ room })),
      ),
    ),
  );
  done = true;
  expect(rooms.size).toBe(3000);
  expect(most).toBeLessThanOrEqual(200);
  for (const [i, prefix] of ["a", "b", "c"].entries()) {
    await server.thump.publish(`${prefix}999`, "new");
    await streams[i]?.events.find(({ data }) => data.includes('"new"'));
  }
  for (const stream of streams) stream.abort();
  await eventually(() => rooms.size === 0);
});

test("a session that ends during a join leaves no state", async () => {
  const server = startServer();
  const { hub } = server.thump;
  const sockets = await Promise.all(
    names("", 10).map((i) => multiplexed(server.socket(`/ws?${query(names(`s${i}:`, 500))}`))),
  );
  for (const { socket } of sockets) socket.ws.terminate();
  await eventually(() => hub.sessions.size === 0);
  // Joins that are still in progress must not add any state.
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(hub.rooms.size).toBe(0);
  expect(hub.roomLimits.counted).toBe(0);
});

test("sessions that join at the same time do not exceed the limit on rooms in use", async () => {
  const server = startServer({ limits: { roomsInUse: 1500 } });
  const streams = await Promise.all(
    ["a", "b", "c"].map((prefix) =>
      openMultiplexed(
        server.url,
        names(prefix).map((room) => ({ room })),
      ),
    ),
  );
  const joined = streams.map(({ frames }) => frames.filter(({ type }) => type === "joined").length);
  for (const count of joined) expect([0, 1000]).toContain(count);
  expect(server.thump.hub.rooms.size).toBe(joined.reduce((sum, count) => sum + count, 0));
  expect(server.thump.hub.rooms.size).toBeLessThanOrEqual(1500);
});

randomTest("a stream of hundreds of rooms receives everything published while it joins", async (random) => {
  const server = startServer();
  const rooms = names("r", 400);
  const { at } = await server.thump.publish("r0", -1);
  let published = 0;
  let publishing = true;
  const publish = (async () => {
    while (publishing) {
      for (let i = 0; i < 5; i++) await server.thump.publish(random.pick(rooms), published++);
      await new Promise(setImmediate);
    }
  })();
  const stream = await openEvents(`${server.url}/events?${query(rooms)}&after=${at}`);
  publishing = false;
  await publish;
  await server.thump.publish("r399", published);
  const numbers = () =>
    stream.events.all
      .filter(({ event }) => event === undefined || event === "message")
      .map(({ data }) => (JSON.parse(data) as { data: number }).data)
      .filter((data) => typeof data === "number");
  await stream.events.until(() => numbers().at(-1) === published);
  expect(numbers()).toEqual(Array.from({ length: published + 1 }, (_, i) => i));
});

/** A hub with one room, which stores publications 3 and 4 and has lost all earlier ones. */
function hostWith(room: Room): JoinHost {
  return {
    position: 4,
    at: "e-4",
    log: { epoch: "e", history: () => room.history },
    histories: { read: () => Promise.reject(new Error()), newest: () => Promise.reject(new Error()) },
    roomsPerSession: 1,
    roomLimits: { check() {} },
    stats: new Stats(),
    presence: { enter() {} },
    fanOut: { presence: { begin: () => undefined, onCaughtUp() {} } },
    isForeignCursor: () => false,
    leave() {},
  };
}

test("a join reports lost messages as a gap, and hands the rest to catch-up", () => {
  const room = roomWith("r");
  room.start(2);
  for (const seq of [3, 4]) room.push(publication(seq, { time: now() }));
  const caughtUp: Membership[] = [];
  const catchUp = {
    backlog: { reads: new BoundedReads(1) },
    add: (membership: Membership) => void caughtUp.push(membership),
    resume() {},
  };
  const joins = new JoinCoordinator(hostWith(room), { byName: new Map(), open: () => room }, catchUp, {
    add() {},
  });
  const [session, results]: [FakeSocket, JoinResult[]] = [new FakeSocket(), []];
  const start = { after: { epoch: "e", seq: 1 } };
  expect(joins.join(session, new Map([["r", start]]), (joined) => results.push(joined))).toBeUndefined();
  const gap = { room: "r", after: "e-1", at: "e-2" };
  expect(results).toEqual([{ room: "r", at: "e-4", resumed: false, replay: 2, gap, presence: undefined }]);
  expect(caughtUp).toEqual([...room.members]);
  expect(caughtUp[0]?.position).toBe(2);
  expect(() => joins.join(session, new Map([["r", {}]]), () => {})).toThrow("already");
  expect(() => joins.join(session, new Map([["s", {}]]), () => {})).toThrow("1 rooms");
});

test("a leave detaches the membership from the room, and the last leave closes the room", () => {
  const calls: string[] = [];
  const note = (call: string) => () => void calls.push(call);
  const host = {
    fanOut: { position: 7, pauseLive: () => [], detach: note("detach"), presence: { end: note("presence") } },
    catchUp: { resume: note("resume"), remove: note("catch-up") },
    sampler: { remove: note("sampler") },
    presence: { leave: note("tracker") },
    roomLimits: { leave: (_: string, __: object, next?: object) => calls.push(next ? "stays" : "empty") },
  };
  const closed: string[] = [];
  const leaves = new LeaveCoordinator(host, { close: ({ name }) => closed.push(name) });
  const room = roomWith("r");
  const [first, second] = [new FakeSocket(), new FakeStream()];
  enter(first, room, { live: true });
  enter(second, room, { max: 1, presence: "uninformed" });
  leaves.leave(first, "r");
  expect(calls).toEqual(["detach", "catch-up", "tracker", "stays"]);
  expect([closed, first.memberships.size]).toEqual([[], 0]);
  expect(() => leaves.leave(first, "r")).toThrow("not in");
  calls.length = 0;
  for (let i = 0; i < 2; i++) leaves.leaveAll(second);
  expect(calls).toEqual(["sampler", "catch-up", "presence", "tracker", "empty"]);
  expect([closed, second.memberships.size]).toEqual([["r"], 1]);
});
