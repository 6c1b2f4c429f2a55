// Presence under load: thousands of simultaneous joins, subscribers that do not read, and rules that change.
import { expect, test } from "bun:test";
import { eventually } from "../support/answers.ts";
import { connect, type Frame, multiplexed, type Socket } from "../support/clients.ts";
import { metricsOf } from "../support/metrics.ts";
import { membersOf, presenceClock, type Told, userToken } from "../support/presence.ts";
import { startReloadable } from "../support/reloadable.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { openEvents } from "../support/streams.ts";
import { tcp } from "../support/tcp.ts";
import { bearer, SECRET } from "../support/tokens.ts";

const access = { secrets: SECRET };
const MANY = 2000;

type Client = Awaited<ReturnType<typeof multiplexed>>;
const join = (server: Pick<TestServer, "port">, user: string) =>
  multiplexed(`ws://127.0.0.1:${server.port}/ws?room=r&presence=1&token=${userToken(user)}`);
const told = ({ all }: Client) => all.filter(({ type }) => type === "presence") as (Frame & Told)[];
const bytesOf = (frames: object[]) => frames.reduce((sum, frame) => sum + JSON.stringify(frame).length, 0);

test("thousands of simultaneous joins and leaves cause only a few small messages", async () => {
  const server = startServer({ access, rooms: { r: { presence: true } } });
  const pass = presenceClock(server);
  const watcher = await join(server, "watcher");
  const sockets: Socket[] = [];
  // Connects a hundred clients at a time. All joins take place within four seconds on the server's clock.
  for (let i = 0; i < MANY; i += 100) {
    const users = Array.from({ length: 100 }, (_, each) => `user-${i + each}`);
    const path = (user: string) => server.socket(`/rooms/r?token=${userToken(user)}`);
    sockets.push(...(await Promise.all(users.map((user) => connect(path(user))))));
    pass(100);
    pass(100);
  }
  pass(1000);
  await watcher.until(() => told(watcher).at(-1)?.users === MANY + 1);
  const coming = told(watcher);
  expect(coming.length).toBeLessThan(20);
  expect(bytesOf(coming)).toBeLessThan(100 * 25 + 20 * 80);
  expect(await membersOf(server, "r")).toMatchObject({ users: MANY + 1, more: true });
  expect((await membersOf(server, "r")).members).toHaveLength(100);
  const late = await join(server, "late");
  // The snapshot excludes the latest join, which is reported next.
  const counts = { users: MANY + 1, guests: 0, more: true };
  expect((await late.find(({ type }) => type === "joined"))["presence"]).toEqual(counts);

  for (const { ws } of sockets) ws.terminate();
  await eventually(() => server.thump.sessionsIn("r") === 2);
  pass(5000);
  pass(1000);
  await watcher.until(() => told(watcher).at(-1)?.users === 2);
  expect(told(watcher).length - coming.length).toBeLessThan(5);
  // The remaining members are few enough to be listed again.
  expect(told(watcher).at(-1)?.members).toEqual([{ user: "watcher" }, { user: "late" }]);
  const metrics = await metricsOf(server);
  expect(metrics.of("thump_presence_users")).toBe(2);
  expect(metrics.of("thump_presence_messages_total")).toBe(told(watcher).length);
  expect(metrics.of("thump_presence_netted_total")).toBeGreaterThan(MANY);
}, 60_000);

test("a subscriber that does not read gets no changes, then a snapshot when it reads again", async () => {
  const history = { count: 100_000, bytes: "200MiB" } as const;
  const server = startServer({ access, rooms: { r: { history, presence: { grace: 0 } } } });
  const pass = presenceClock(server);
  const slow = await join(server, "slow");
  const healthy = await join(server, "healthy");
  await slow.until(() => told(slow).at(-1)?.users === 2);
  const before = told(slow).length;
  slow.socket.ws.pause();
  while (server.thump.hub.stats.lagged === 0) {
    for (let i = 0; i < 20; i++) await server.thump.publish("r", "x".repeat(30_000));
    await new Promise(setImmediate);
  }
  for (let i = 0; i < 20; i++) {
    const visitor = await join(server, `visitor-${i}`);
    await visitor.find(({ type }) => type === "joined");
    pass(1000);
    if (i % 2) visitor.socket.ws.terminate();
    await eventually(() => server.thump.sessionsIn("r") === 3 + Math.floor(i / 2));
    pass(1000);
  }
  await healthy.until(() => told(healthy).at(-1)?.users === 12);
  expect(told(healthy).length).toBeGreaterThan(20);
  await server.thump.publish("r", "last");
  slow.socket.ws.resume();
  await slow.until((all) => all.some(({ data }) => data === "last"));
  await slow.until(() => told(slow).length > before);
  const [fresh, ...others] = told(slow).slice(before);
  expect(others).toEqual([]);
  expect(fresh).toMatchObject({ users: 12, guests: 0 });
  expect(fresh?.members).toHaveLength(12);
  // From here on, this subscriber receives the same messages as the others.
  await join(server, "new");
  pass(1000);
  await slow.until(() => told(slow).at(-1)?.users === 13);
  expect(told(slow).at(-1)?.joined).toEqual([{ user: "new" }]);
});

test("a stream that does not read gets no changes, then a snapshot when it reads again", async () => {
  const server = startServer({ access, rooms: { r: { presence: { grace: 0 } } } });
  const pass = presenceClock(server);
  // Repeated joins with a large info fill the connection without any publications.
  const stream = await tcp(server.port);
  const path = `/rooms/r?presence=1&token=${userToken("stalled")}`;
  stream.send(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\n\r\n`);
  await stream.until("thump:presence");
  stream.socket.pause();
  const info = "x".repeat(4000);
  const { hub } = server.thump;
  const stalled = [...hub.sessions.values()][0];
  while (!stalled?.uninformed) {
    for (let i = 0; i < 8; i++) {
      const headers = bearer(userToken(`user-${i}`, { info }));
      const { ws, closed } = await connect(server.socket("/rooms/r"), { headers });
      pass(1000);
      ws.terminate();
      await closed;
      await eventually(() => server.thump.sessionsIn("r") === 1);
      pass(1000);
    }
  }
  expect(hub.rooms.get("r")?.audience).toBeUndefined();
  const messages = hub.stats.presence.messages;
  await connect(server.socket(`/rooms/r?token=${userToken("another")}`));
  pass(1000);
  expect(hub.stats.presence.messages).toBe(messages);
  stream.socket.destroy();
  await eventually(() => server.thump.sessionsIn("r") === 1);
}, 60_000);

test("a reload starts, changes and ends presence in rooms with sessions", async () => {
  const server = await startReloadable({ access, rooms: { r: {} } });
  const watcher = await join(server, "u1");
  expect(await watcher.find(({ type }) => type === "joined")).not.toHaveProperty("presence");
  const events = await openEvents(`${server.url}/rooms/r?presence=1`, bearer(userToken("u2")));
  const next = async () => (await watcher.find(({ type }) => type === "presence")) as Frame & Told;

  await server.reload({ access, rooms: { r: { presence: true } } });
  const members = [{ user: "u1" }, { user: "u2" }];
  expect(await next()).toEqual({ type: "presence", room: "r", users: 2, guests: 0, members });
  await join(server, "u3");
  expect(await next()).toMatchObject({ joined: [{ user: "u3" }] });

  await server.reload({ access, rooms: { r: { presence: { list: 2 } } } });
  expect(await next()).toEqual({ type: "presence", room: "r", users: 3, guests: 0, more: true });

  await server.reload({ access, rooms: { r: { presence: false } } });
  expect(await next()).toEqual({ type: "presence", room: "r", off: true });
  await events.events.until((all) => all.some(({ data }) => data.includes('"off":true')));
  expect(events.events.all.map(({ data }) => JSON.parse(data) as Told)).toEqual(
    watcher.all.filter(({ type }) => type === "presence") as Told[],
  );
});
