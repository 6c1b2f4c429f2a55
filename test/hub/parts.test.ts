// Unit tests for the parts of the hub, each with a stand-in for the rest of the hub.
import { expect, test } from "bun:test";
import { BoundedReads } from "../../src/hub/bounded-reads.ts";
import { CatchUp, type CatchUpHost } from "../../src/hub/catch-up.ts";
import { HistoryCache } from "../../src/hub/history-cache.ts";
import { LogRecovery, type LogRecoveryHost } from "../../src/hub/log-recovery.ts";
import { beginMerge, endMerge, positionOf } from "../../src/hub/merge.ts";
import { type PresenceFanOutHost, PresenceFanOut } from "../../src/hub/presence/presence-fan-out.ts";
import type { Room } from "../../src/hub/room.ts";
import { RoomRegistry, type RoomRegistryHost } from "../../src/hub/room-registry.ts";
import type { Session } from "../../src/hub/session.ts";
import { SessionRegistry } from "../../src/hub/session-registry.ts";
import { type StartHost, startPositionOf } from "../../src/hub/start-position.ts";
import { Stats } from "../../src/hub/stats.ts";
import { StreamBatchers } from "../../src/hub/stream-batcher.ts";
import { now } from "../../src/log/clock.ts";
import { MemoryLog } from "../../src/log/memory-log.ts";
import { unavailable } from "../../src/protocol/codes.ts";
import type { Publication, Slice } from "../../src/protocol/publication.ts";
import { resolveRule } from "../../src/rooms/rule.ts";
import { eventually } from "../support/answers.ts";
import { cleanup } from "../support/cleanup.ts";
import { publication, seqs } from "../support/publications.ts";
import { enter, FakeSocket, FakeStream, roomWith } from "../support/sessions.ts";

const recent = (room: string, ...all: number[]): Publication[] =>
  all.map((seq) => publication(seq, { room, time: now() }));

/** A hub with these sessions. Its log stores nothing beyond the rooms' histories. */
function catchUpHost(position: number, sessions: Session[], read?: () => Slice | Promise<Slice>) {
  const live: Session[] = [];
  const failed: unknown[] = [];
  const host: CatchUpHost = {
    position,
    sessions: new Map(sessions.map((session) => [session.id, session])),
    log: { epoch: "e" },
    histories: { read: read ?? ((_, from) => ({ from, upTo: position, publications: [] })) },
    fanOut: { resumeLive: (session) => void (live.push(session), (session.catchingUp = undefined)) },
    stats: new Stats(),
    fail: (_, error) => void failed.push(error),
  };
  return { host, live, failed };
}

test("catch-up sends several rooms' stored publications in seq order, then returns the session to fan-out", async () => {
  const session = new FakeSocket();
  const { host, live } = catchUpHost(6, [session]);
  const catchUp = new CatchUp(host);
  catchUp.add(enter(session, roomWith("a", recent("a", 1, 4, 5)), { position: 1 }));
  catchUp.add(enter(session, roomWith("b", recent("b", 2, 3, 6))));
  catchUp.resume(session);
  await eventually(() => live.length === 1);
  expect(seqs(session.publications)).toEqual([2, 3, 4, 5, 6]);
  expect(session.gaps).toEqual([]);
});

test("catch-up reports a gap if a room's history begins after the session's position", async () => {
  const session = new FakeSocket();
  const { host, live } = catchUpHost(9, [session]);
  const catchUp = new CatchUp(host);
  const room = roomWith("a", recent("a", 1, 2, 8, 9), { history: { count: 2 } });
  catchUp.add(enter(session, room));
  host.log.history = () => room.history;
  catchUp.resume(session);
  await eventually(() => live.length === 1);
  expect(session.gaps).toEqual([{ room: "a", after: "e-0", at: "e-2" }]);
  expect(seqs(session.publications)).toEqual([8, 9]);
  expect(host.stats.gaps).toBe(1);
});

test("catch-up waits while the connection is full, and continues when it has drained", async () => {
  const session = new FakeSocket();
  const { host, live } = catchUpHost(2, [session]);
  const catchUp = new CatchUp(host);
  catchUp.add(enter(session, roomWith("a", recent("a", 1, 2))));
  session.full = true;
  catchUp.resume(session);
  await Bun.sleep(5);
  expect(session.publications).toEqual([]);
  session.full = false;
  catchUp.resume(session);
  await eventually(() => live.length === 1);
  expect(seqs(session.publications)).toEqual([1, 2]);
});

test("catch-up pauses a replay that exceeds the client's rate", async () => {
  const session = new FakeSocket();
  const { host, live } = catchUpHost(2, [session]);
  const catchUp = new CatchUp(host);
  catchUp.add(enter(session, roomWith("a", recent("a", 1, 2)), { replayTo: 2 }));
  session.wait = 60_000;
  catchUp.resume(session);
  await eventually(() => session.paceTimer !== undefined);
  expect(session.publications).toEqual([]);
  catchUp.stop(session);
  expect(session.paceTimer).toBeUndefined();
  session.wait = 0;
  catchUp.resume(session);
  await eventually(() => live.length === 1);
  expect(seqs(session.publications)).toEqual([1, 2]);
});

test("catch-up retries a read after a temporary error, and ends the session after any other error", async () => {
  const errors = [unavailable("try again", 1), new Error("broken")];
  const session = new FakeSocket();
  const { host, failed } = catchUpHost(9, [session], () => Promise.reject(errors.shift() as Error));
  const catchUp = new CatchUp(host);
  const room = roomWith("a");
  room.start(9);
  catchUp.add(enter(session, room));
  catchUp.resume(session);
  await eventually(() => failed.length === 1);
  expect(failed).toEqual([new Error("broken")]);
  expect(errors).toEqual([]);
});

test("when a merge ends, it keeps the positions that it reached", () => {
  const session = new FakeSocket();
  const [a, b] = [enter(session, roomWith("a", recent("a", 3))), enter(session, roomWith("b"))];
  session.catchingUp = new Set([a, b]);
  session.merge = beginMerge(session.catchingUp, 7);
  expect(session.merge.heads.first).toBe(a);
  expect([a.next, b.next]).toEqual([1, 0]);
  session.merge.upTo = 2;
  expect(positionOf(a)).toBe(2);
  endMerge(session);
  expect([a.position, a.next, b.position]).toEqual([2, 0, 0]);
  expect(session.merge).toBeUndefined();
});

test("a session starts after its cursor, before the newest messages, or now; a foreign cursor starts at the oldest message", async () => {
  const room = roomWith("a", recent("a", 2, 4, 6, 8));
  const membership = enter(new FakeSocket(), room);
  const host: StartHost = {
    position: 9,
    log: { history: () => room.history },
    histories: { read: () => Promise.reject(new Error()), newest: () => Promise.reject(new Error()) },
    isForeignCursor: ({ epoch }) => epoch !== "e",
  };
  const reads = new BoundedReads(1);
  const start = (request: Parameters<typeof startPositionOf>[3]) =>
    startPositionOf(host, reads, membership, request);
  expect(await start({})).toEqual({ position: 9, replay: 0 });
  expect(await start({ after: { epoch: "e", seq: 4 } })).toMatchObject({ position: 4, replay: 2 });
  expect(await start({ after: { epoch: "other", seq: 4 } })).toMatchObject({ position: 0, replay: 4 });
  expect(await start({ last: 3 })).toMatchObject({ position: 3, replay: 3, short: false });
  expect(await start({ after: { epoch: "e", seq: 0 }, notBefore: now() + 1000 })).toMatchObject({
    position: 8,
    replay: 0,
  });
});

test("log recovery takes live sessions out of fan-out in rooms whose publications the log may have missed", () => {
  const session = new FakeSocket();
  const room = roomWith("a", recent("a", 1, 2));
  const membership = enter(session, room, { live: true });
  const resumed: Session[] = [];
  const host: LogRecoveryHost = {
    log: { last: 7 },
    rooms: new Map([["a", room]]),
    sessions: new Map([[session.id, session]]),
    histories: { read: (_, from) => ({ from, upTo: from, publications: [] }) },
    fanOut: {
      flushStreams() {},
      pauseLive: () => {
        membership.live = false;
        return [membership];
      },
    },
    stats: new Stats(),
    position: 5,
    at: "e2-7",
  };
  const catchUp = { resume: (one: Session) => void resumed.push(one), dropFetched() {} };
  const recovery = new LogRecovery(host, catchUp);
  recovery.onSubscribed(room, 5);
  expect(resumed).toEqual([session]);
  expect(membership.position).toBe(2);
  expect([room.history.floor, room.history.last]).toEqual([5, 5]);

  recovery.onEpochChange({ epoch: "e1", seq: 5 });
  expect(session.gaps).toEqual([{ room: "a", after: "e1-2", at: "e2-7" }]);
  expect(membership.position).toBe(7);
  expect(host.stats.gaps).toBe(1);
});

test("a room subscribes to the log with its first session and unsubscribes when it closes", () => {
  const log = new MemoryLog(() => resolveRule("*").retention);
  cleanup(() => log.close());
  const [delivered, subscribed, opened]: [Publication[], number[], string[]] = [[], [], []];
  const host: RoomRegistryHost = {
    log,
    rules: { of: () => resolveRule("*") },
    roomLimits: { enter: (name) => void opened.push(name) },
    presence: { open: () => undefined },
    onPublication: (_, one) => void delivered.push(one),
    logRecovery: { onSubscribed: (_, after) => void subscribed.push(after) },
  };
  const rooms = new RoomRegistry(host, undefined);
  const publish = () => log.append({ room: "a", event: "message", data: { kind: "text", text: "x" } });
  publish();
  const room = rooms.open("a", new FakeSocket());
  publish();
  expect([rooms.byName.get("a"), room.starting]).toEqual([room, undefined]);
  rooms.close(room);
  publish();
  expect(seqs(delivered)).toEqual([2]);
  expect([subscribed, opened, rooms.byName.size]).toEqual([[1], ["a"], 0]);
});

test("a room is starting until its subscription completes", async () => {
  const ready = Promise.withResolvers<void>();
  const host: RoomRegistryHost = {
    log: { last: 0, subscribe: () => ready.promise, unsubscribe() {} },
    rules: { of: () => resolveRule("*") },
    roomLimits: { enter() {} },
    presence: { open: () => undefined },
    onPublication() {},
    logRecovery: { onSubscribed() {} },
  };
  const room = new RoomRegistry(host, undefined).open("a", new FakeSocket());
  expect(room.starting).toBeInstanceOf(Promise);
  ready.resolve();
  await room.starting;
  expect(room.starting).toBeUndefined();
});

test("sessions are counted per address, and removed once", () => {
  const [stats, ended]: [Stats, string[]] = [new Stats(), []];
  const registry = new SessionRegistry(stats, { ended: ({ id }) => void ended.push(id), fault() {} });
  const [first, second, uncounted] = [
    new FakeSocket("10.0.0.1"),
    new FakeSocket("10.0.0.1"),
    new FakeSocket(),
  ];
  for (const session of [first, second, uncounted]) registry.add(session);
  expect(registry.byAddress).toEqual(new Map([["10.0.0.1", 2]]));
  for (let i = 0; i < 2; i++) registry.remove(first, { reason: "client" });
  expect(registry.byAddress).toEqual(new Map([["10.0.0.1", 1]]));
  registry.remove(second, { reason: "client" });
  expect(registry.byAddress.size).toBe(0);
  expect([...registry.byId.keys()]).toEqual([uncounted.id]);
  expect(ended).toEqual([first.id, second.id]);
  expect(stats.connected()).toEqual([["websocket", 1]]);
});

test("stored publications are read from memory as far back as it reaches, then from a remote log, whose slices are cached", async () => {
  const room: Room = roomWith("a");
  const reads: [string, number][] = [];
  const log = {
    read: (name: string, after: number) => {
      reads.push([name, after]);
      return Promise.resolve({ from: after, upTo: 4, publications: recent("a", 2, 4) });
    },
    newest: () => ({ from: 0, upTo: 4, publications: [] }),
    forget() {},
  };
  room.start(4);
  for (const one of recent("a", 5, 6)) room.push(one);
  const histories = new HistoryCache(new Map([["a", room]]), log, undefined);
  cleanup(() => histories.stop());
  expect(seqs((await histories.read("a", 4, 10)).publications)).toEqual([5, 6]);
  expect(reads).toEqual([]);
  expect(seqs((await histories.read("a", 0, 10)).publications)).toEqual([2, 4]);
  expect(reads).toEqual([["a", 0]]);
  expect(seqs((await histories.read("a", 0, 10)).publications)).toEqual([2, 4, 5, 6]);
  expect(reads.length).toBe(1);
  histories.release("a", 4);
  expect(room.history.floor).toBe(4);
  await histories.forget("a");
  expect(room.history.count).toBe(0);
});

test("streams with the same format and rooms receive a tick's publications as one chunk", async () => {
  const detached: [Session, number][] = [];
  const batchers = new StreamBatchers(
    { epoch: "e" },
    new Stats(),
    (stream, at) => void detached.push([stream, at]),
  );
  const room = roomWith("a");
  const [quick, slow] = [new FakeStream(), new FakeStream()];
  slow.full = true;
  const batcher = batchers.add(quick, [room]);
  expect(batchers.add(slow, [room])).toBe(batcher);
  for (const one of recent("a", 1, 2)) for (const sink of room.batchers) sink.push(one, performance.now());
  expect(quick.chunks).toEqual([]);
  await new Promise(setImmediate);
  expect(quick.chunks).toEqual(["id: e-1\ndata: data 1\n\nid: e-2\ndata: data 2\n\n"]);
  expect(slow.chunks).toEqual(quick.chunks);
  expect(detached).toEqual([[slow, 2]]);
  batchers.remove(quick, batcher);
  batchers.remove(slow, batcher);
  expect(room.batchers.size).toBe(0);
});

test("presence is sent to subscribed sockets through one topic, and to streams as one chunk", () => {
  const sent: string[] = [];
  const host: PresenceFanOutHost = {
    position: 0,
    flow: { reserve() {}, backedUp() {} },
    batchers: { flushAll() {} },
    stats: new Stats(),
    publishToTopic: (topic, wire) => sent.push(`${topic} ${String(wire)}`),
    detachSlow() {},
  };
  const presence = new PresenceFanOut(host);
  presence.snapshotOf = () => '"users":["u"]';
  const room = roomWith("a");
  const [socket, stream] = [new FakeSocket(), new FakeStream()];
  const [bySocket, byStream] = [socket, stream].map((session) =>
    enter(session, room, { presence: "uninformed" }),
  ) as [ReturnType<typeof enter>, ReturnType<typeof enter>];
  expect(presence.begin(bySocket)).toBe('"users":["u"]');
  expect([...socket.topics]).toEqual(["presence/a"]);
  // Unlike a socket, a stream receives its snapshot as a message.
  expect(presence.begin(byStream)).toBeUndefined();
  presence.onCaughtUp(stream);
  expect(stream.chunks.join("")).toContain('"users":["u"]');
  stream.chunks.length = 0;
  presence.send(room, '{"x":1}');
  expect(sent).toEqual(['presence/a {"x":1}']);
  expect(stream.chunks.join("")).toContain('{"x":1}');
  presence.end(bySocket);
  presence.end(byStream);
  expect([socket.topics.size, room.audience]).toEqual([0, undefined]);
});
