// Pongs: in all of the session's rooms, everything up to `at` was sent before the pong. With a wrong `at`, messages are
// lost silently.
import { expect, test } from "bun:test";
import { type Frame, type Multiplexed, multiplexed } from "../../support/clients.ts";
import { randomTest } from "../../support/random.ts";
import { startServer, type TestServer } from "../../support/server.ts";

const LARGE = { history: { count: 100_000, bytes: "1GiB" } } as const;
const seqOf = ({ at }: Frame) => Number((at as string).split("-")[1]);
const send = (mux: Multiplexed, command: object) => mux.socket.send(JSON.stringify(command));

async function joined(server: TestServer, ...rooms: string[]): Promise<Multiplexed> {
  const mux = await multiplexed(server.socket("/ws"));
  for (const room of rooms) await mux.ask({ type: "join", room });
  return mux;
}

test("in an idle room, `at` is the server's position, which stays resumable longer than the last message's cursor", async () => {
  const server = startServer({ rooms: { "*": { history: false } } });
  const mux = await joined(server, "quiet");
  await server.thump.publish("quiet", 1);
  const message = await mux.find(({ type }) => type === "message");
  let newest = "";
  for (let n = 0; n < 20; n++) newest = (await server.thump.publish(`other:${n}`, n)).at;
  const pong = await mux.ask({ type: "ping" });
  expect(pong).toEqual({ type: "pong", id: 2, at: newest });
  mux.socket.ws.terminate();
  while (server.thump.hub.rooms.size > 0) await Bun.sleep(1);

  const back = await multiplexed(server.socket("/ws"));
  const join = { type: "join", room: "quiet" };
  expect(await back.ask({ ...join, after: newest })).toMatchObject({ resumed: true, replay: 0 });
  await back.ask({ type: "leave", room: "quiet" });
  // The client missed nothing, but the server has no way to know that.
  expect(await back.ask({ ...join, after: message["at"] })).toMatchObject({ resumed: false });
});

test("publications in the same tick arrive before the pong, whether or not Bun buffers them", async () => {
  const server = startServer({ rooms: { "*": LARGE } });
  const mux = await joined(server, "r");
  const before = mux.all.length;
  const sizes = [1, 100, 15_000, 17_000, 1, 40_000, 1];
  const { hub } = server.thump;
  const sentUpTo = hub.sentUpTo.bind(hub);
  const left = [...sizes];
  hub.sentUpTo = (session) => {
    void server.thump.publish("r", "x".repeat(left.shift() ?? 0));
    return sentUpTo(session);
  };
  for (const _ of sizes) send(mux, { type: "ping" });
  await mux.until(({ length }) => length === before + 2 * sizes.length);
  const frames = mux.all.slice(before);
  expect(frames.map(({ type }) => type)).toEqual(sizes.flatMap(() => ["message", "pong"]));
  for (let i = 0; i < frames.length; i += 2) expect(frames[i + 1]?.["at"]).toBe(frames[i]?.["at"] as string);
});

test("a session that lags or is sampled in a room gets a pong without `at`", async () => {
  const server = startServer({ rooms: { "*": LARGE } });
  const mux = await joined(server, "r");
  mux.socket.ws.pause();
  for (let n = 0; server.thump.hub.stats.lagged === 0; n++)
    await server.thump.publish("r", "x".repeat(60_000));
  const [session] = server.thump.hub.sessions.values();
  const received = session?.received ?? 0;
  send(mux, { type: "ping" });
  while (session?.received === received) await Bun.sleep(1);
  mux.socket.ws.resume();
  const { at } = await server.thump.publish("r", "last");
  await mux.until((all) => all.some((frame) => frame["at"] === at));
  expect(mux.all.find(({ type }) => type === "pong")).toEqual({ type: "pong" });
  expect(await mux.ask({ type: "ping" })).toEqual({ type: "pong", id: 2, at });
  await mux.ask({ type: "join", room: "sampled", max: 1 });
  expect(await mux.ask({ type: "ping" })).toEqual({ type: "pong", id: 4 });
});

test("without rooms, `at` is also the server's position", async () => {
  const server = startServer();
  const { at } = await server.thump.publish("any", 1);
  expect(await (await joined(server)).ask({ type: "ping" })).toMatchObject({ at });
});

randomTest(
  "by every pong, everything up to `at` has arrived, with random publishers, times and sizes",
  async (random) => {
    const server = startServer({ rooms: { "*": LARGE } });
    const rooms = ["a", "b", "c"];
    const listeners = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const mine = rooms.filter(() => random.chance(2));
        return { mine, mux: await joined(server, ...mine) };
      }),
    );
    const published: { room: string; seq: number }[] = [];
    const publish = server.thump.hub.publish.bind(server.thump.hub);
    server.thump.hub.publish = (draft) => {
      const kept = publish(draft);
      if (!(kept instanceof Promise)) published.push({ room: kept.room, seq: kept.seq });
      return kept;
    };
    for (let step = 0; step < 400; step++) {
      const { mux } = random.pick(listeners);
      const data = "x".repeat(random.pick([1, 50, 2000, 15_000, 17_000, 60_000]));
      const room = random.pick(rooms);
      if (random.chance(8)) mux.socket.ws.pause();
      if (random.chance(6)) mux.socket.ws.resume();
      if (random.chance(3)) void server.thump.publish(room, data);
      else send(mux, { type: "publish", room, data, echo: true });
      for (const { mux: asker } of listeners) if (random.chance(4)) send(asker, { type: "ping" });
      // Occasional bursts exceed a paused client's buffer.
      if (random.chance(60)) for (let i = 0; i < 100; i++) void server.thump.publish(room, data);
      if (random.chance(5)) await new Promise(setImmediate);
    }
    for (const { mux } of listeners) mux.socket.ws.resume();
    await Promise.all(listeners.map(({ mux }) => mux.ask({ type: "members", room: "a" })));
    let told = 0;
    for (const { mine, mux } of listeners) {
      const expected = published.filter(({ room }) => mine.includes(room)).map(({ seq }) => seq);
      const had = new Set<number>();
      let complete = 0;
      for (const frame of mux.all) {
        if (frame.type === "message") had.add(seqOf(frame));
        if (frame.type !== "pong" || frame["at"] === undefined) continue;
        told++;
        const at = seqOf(frame);
        for (let seq = expected[complete]; seq !== undefined && seq <= at; seq = expected[++complete])
          if (!had.has(seq)) throw new Error(`told to be at ${at}, but ${seq} had not come`);
      }
    }
    expect(told).toBeGreaterThan(100);
  },
  60_000,
);
