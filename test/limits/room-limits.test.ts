// Limits on open rooms, in total, per address and per user. Joining and publishing both open rooms.
import { expect, test } from "bun:test";
import type { Retention } from "../../src/rooms/rule.ts";
import { RoomLimits, openerOf } from "../../src/hub/room-limits.ts";
import type { Room } from "../../src/hub/room.ts";
import type { Session } from "../../src/hub/session.ts";
import { eventually } from "../support/answers.ts";
import { connect, multiplexed } from "../support/clients.ts";
import { codeOf } from "../support/errors.ts";
import { metricsOf } from "../support/metrics.ts";
import { userToken } from "../support/presence.ts";
import { randomTest } from "../support/random.ts";
import { startServer } from "../support/server.ts";
import { openMultiplexed } from "../support/streams.ts";
import { bearer, SECRET } from "../support/tokens.ts";
import { WAYS_IN } from "../support/ways-in.ts";

const from = (address: string) => ({ "x-forwarded-for": address });
const HERE = from("203.0.113.9");
const THERE = from("198.51.100.7");
const proxied = { proxies: ["loopback"], open: true };

const LISTEN = ["raw socket", "event stream", "ndjson", "event stream of several rooms", "long poll"];

test("an address may open rooms up to its limit, and join rooms that others opened", async () => {
  const server = startServer({ ...proxied, limits: { roomsPerAddress: 2 } });
  const here = await multiplexed(server.socket("/ws"), { headers: HERE });
  const there = await multiplexed(server.socket("/ws"), { headers: THERE });
  await there.ask({ type: "join", room: "theirs" });
  for (const room of ["a", "theirs", "b"])
    expect(await here.ask({ type: "join", room })).toMatchObject({ type: "joined" });
  const refused = await here.ask({ type: "join", room: "c" });
  expect(refused).toMatchObject({ type: "error", code: "busy" });
  expect(refused["retry"]).toBeWithin(5000, 10_001);
  for (const way of LISTEN)
    expect([way, await WAYS_IN[way]?.(server, HERE)]).toMatchObject([way, { status: 503, code: "busy" }]);
  expect(await there.ask({ type: "join", room: "c" })).toMatchObject({ type: "joined" });
  expect(await here.ask({ type: "join", room: "c" })).toMatchObject({ type: "joined" });
  await here.ask({ type: "leave", room: "a" });
  expect(await here.ask({ type: "join", room: "d" })).toMatchObject({ type: "joined" });
  const metrics = await metricsOf(server);
  expect(metrics.of("thump_rooms_refused_total", { among: "address" })).toBe(1 + LISTEN.length);
  expect(metrics.of("thump_rooms_counted")).toBe(4);
});

test("at the total limit, no client can open a room", async () => {
  const server = startServer({ limits: { roomsInUse: 2 } });
  const sockets = [await connect(server.socket("/rooms/a")), await connect(server.socket("/rooms/b"))];
  for (const way of LISTEN)
    expect([way, await WAYS_IN[way]?.(server, {})]).toMatchObject([way, { status: 503, code: "busy" }]);
  await connect(server.socket("/rooms/a"));
  sockets[1]?.ws.close();
  await eventually(() => server.thump.hub.rooms.size === 1);
  expect(await WAYS_IN["raw socket"]?.(server, {})).toEqual({ status: 101 });
});

test("a user has the same limit as an address, across all addresses", async () => {
  const server = startServer({ ...proxied, access: { secrets: SECRET }, limits: { roomsPerAddress: 2 } });
  const as = (user: string, at: object) => ({ headers: { ...bearer(userToken(user)), ...at } });
  const first = await multiplexed(server.socket("/ws?room=a&room=b"), as("u1", HERE));
  await first.ask({ type: "ping" });
  const second = await multiplexed(server.socket("/ws"), as("u1", THERE));
  expect(await second.ask({ type: "join", room: "c" })).toMatchObject({ code: "busy" });
  const other = await multiplexed(server.socket("/ws"), as("u2", THERE));
  expect(await other.ask({ type: "join", room: "c" })).toMatchObject({ type: "joined" });
});

test("when the session that opened a room leaves, a remaining session is charged for it", async () => {
  const server = startServer({ ...proxied, limits: { roomsPerAddress: 1 } });
  const first = await connect(server.socket("/rooms/r"), { headers: HERE });
  await connect(server.socket("/rooms/r"), { headers: THERE });
  first.ws.close();
  await eventually(() => server.thump.sessionsIn("r") === 1);
  expect(await WAYS_IN["raw socket"]?.(server, HERE)).toEqual({ status: 101 });
  const opened = await multiplexed(server.socket("/ws"), { headers: THERE });
  expect(await opened.ask({ type: "join", room: "s" })).toMatchObject({ code: "busy" });
});

test("a request for more rooms than its address may open joins and opens none", async () => {
  const server = startServer({ ...proxied, limits: { roomsPerAddress: 1500 } });
  const joins = (prefix: string) => Array.from({ length: 1000 }, (_, i) => ({ room: `${prefix}:${i}` }));
  await openMultiplexed(server.url, joins("a"), HERE);
  const second = await openMultiplexed(server.url, joins("b"), HERE);
  const answers = second.frames.filter(({ type }) => type !== "welcome");
  expect(answers).toHaveLength(1000);
  for (const answer of answers) expect(answer).toMatchObject({ type: "error", code: "busy" });
  expect(server.thump.hub.rooms.size).toBe(1000);
  second.abort();
  await eventually(() => server.thump.hub.sessions.size === 1);
  expect(server.thump.hub.roomLimits.counted).toBe(1000);
});

test("publications to more and more rooms are rejected until earlier rooms expire", async () => {
  const server = startServer({
    ...proxied,
    rooms: { "none:*": { history: false } },
    limits: { roomsPerAddress: 3 },
  });
  let now = 0;
  server.thump.hub.roomLimits.now = () => now;
  const publish = async (room: string, headers: Record<string, string>) =>
    (await server.publish(room, "x", headers)).status;
  await connect(server.socket("/rooms/a"), { headers: HERE });
  for (const room of ["a", "b", "c", "b"]) expect([room, await publish(room, HERE)]).toEqual([room, 201]);
  expect(await publish("d", HERE)).toBe(503);
  // This room stores no messages.
  expect(await publish("none:1", HERE)).toBe(201);
  expect(await publish("d", THERE)).toBe(201);
  // Local requests are not limited.
  expect(await publish("e", {})).toBe(201);
  // Moves the clock past the default retention.
  now += 600_001;
  expect(await publish("f", HERE)).toBe(201);
  expect(server.thump.hub.roomLimits.counted).toBe(2);
});

randomTest(
  "a client is charged for the rooms that it opened while they are in use, whichever sessions join and leave",
  (random) => {
    const retention: Retention = { count: 1, age: 50, bytes: 1000 };
    const rooms = new Map<string, Room>();
    const open = new RoomLimits(rooms, 1000, 1000);
    let now = 0;
    open.now = () => now;
    const sessions = Array.from({ length: 6 }, (_, i) => {
      return {
        addressKey: i % 3 === 0 ? undefined : `n${i % 3}`,
        identity: { user: i < 3 ? undefined : `u${i}` },
      };
    }) as unknown as Session[];
    const names = Array.from({ length: 8 }, (_, i) => `r${i}`);
    const inside = new Map(names.map((name) => [name, [] as Session[]]));
    for (let i = 0; i < 3000; i++) {
      now += random.below(5);
      const name = random.pick(names);
      const session = random.pick(sessions);
      const members = inside.get(name) ?? [];
      if (random.chance(3)) open.publish(openerOf(session), name, retention);
      else if (members.includes(session)) {
        members.splice(members.indexOf(session), 1);
        open.leave(name, session, members[0]);
        if (members.length === 0) rooms.delete(name);
      } else {
        if (members.push(session) === 1) {
          open.enter(name, session);
          rooms.set(name, {} as Room);
        }
      }
      expect(open.counted).toBeLessThanOrEqual(names.length);
    }
    for (const [name, members] of inside)
      while (members.length > 0) {
        const session = members.shift() as Session;
        open.leave(name, session, members[0]);
      }
    rooms.clear();
    now += 100;
    // Two rounds, because each insert checks only a few earlier entries.
    for (let i = 0; i < 40; i++) {
      open.publish({ addressKey: "new" }, "new", retention);
      now += 100;
      open.publish({ addressKey: "new" }, `new${i}`, retention);
    }
    expect(open.counted).toBeLessThanOrEqual(4);
  },
);

test("if the log stores per-room state, rooms without history count as well", () => {
  const open = new RoomLimits(new Map(), 10, 2, 60_000);
  let now = 0;
  open.now = () => now;
  const publish = (room: string, age = 0) =>
    open.publish({ addressKey: "n" }, room, { count: age > 0 ? 1 : 0, age, bytes: 1 });
  publish("a");
  publish("b", 1000);
  expect(codeOf(() => publish("c"))).toBe("busy");
  now += 59_999;
  expect(codeOf(() => publish("c"))).toBe("busy");
  now += 1;
  publish("c");
  expect(open.counted).toBe(1);
});
