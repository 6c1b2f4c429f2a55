// Kills a server at random moments under load, repeatedly with the same data. Checks that acknowledged messages are
// stored once and in order, that cursors resume exactly, and that retries are not stored twice.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../support/random.ts";
import { KillableServer } from "./killable-server.ts";
import { type Received, ResumingListener } from "./listener.ts";
import { Publisher } from "./publisher.ts";

const ALL = { count: 1_000_000, bytes: "1GiB", age: "1h" } as const;
const CONFIG = {
  rooms: {
    "early:*": { history: { ...ALL, deliver: "at-once" } },
    "few:*": { history: { count: 50 } },
    "*": { history: ALL },
  },
  limits: { rates: { session: { publishes: false, bytes: false } } },
};
const EXACT = ["a", "b", "c"];
const EARLY = "early:e";
const FEW = "few:f";
const ROOMS = [...EXACT, EARLY, FEW];

export interface Outcome {
  kills: number;
  acked: number;
  received: number;
}

export async function playKills(random: Random, folder: string, kills: number): Promise<Outcome> {
  writeFileSync(join(folder, "thump.config.json"), JSON.stringify(CONFIG));
  const server = new KillableServer(folder, random.chance(2) ? ["--durability", "fsync"] : []);
  let n = 0;
  let open = true;
  const rooms = new Map<number, string>();
  const publishers = ["x", "y", "z"].map(
    (name) =>
      new Publisher(name, () => {
        if (!open) return undefined;
        const room = random.pick(ROOMS);
        rooms.set(++n, room);
        return { n, room };
      }),
  );
  const listeners = [
    new ResumingListener(EXACT),
    new ResumingListener(["b", EARLY]),
    new ResumingListener(["a"]),
  ];
  const connect = async () => {
    await server.start();
    await Promise.all(listeners.map((listener) => listener.connect(server.url)));
    await Promise.all(publishers.map((publisher) => publisher.connect(server.url)));
  };
  await connect();
  for (let i = 0; i < kills; i++) {
    await Bun.sleep(random.below(150));
    await server.kill();
    if (random.chance(4)) await server.startAndKill(random.below(150));
    await connect();
  }
  open = false;
  await Promise.all(publishers.map((publisher) => publisher.settled()));
  const all = [...publishers.values()];
  for (const { failure, isSettled } of all)
    if (failure || !isSettled) throw failure ?? new Error("not settled");
  const acked = new Map(all.flatMap((publisher) => [...publisher.acked]));
  await check(server, acked, rooms, listeners);
  await server.stop();
  return {
    kills,
    acked: acked.size,
    received: listeners.reduce((sum, { received }) => sum + countOf(received), 0),
  };
}

async function check(
  server: KillableServer,
  acked: ReadonlyMap<number, number>,
  rooms: ReadonlyMap<number, string>,
  listeners: ResumingListener[],
): Promise<void> {
  const stored = await readAll(server, acked);
  for (const room of [...EXACT, EARLY]) checkStored(room, stored.get(room) ?? [], acked, rooms);
  const few = stored.get(FEW) ?? [];
  const newest = [...acked].filter(([n]) => rooms.get(n) === FEW).sort((a, b) => a[1] - b[1]);
  same(
    `${FEW}: the newest`,
    few.slice(-50),
    newest.slice(-50).map(([n, seq]) => ({ n, seq })),
  );
  for (const { received, gaps, disorder } of listeners) {
    if (gaps > 0) throw new Error(`${gaps} gap notices, although everything is stored`);
    if (disorder > 0) throw new Error(`${disorder} publications arrived out of order`);
    for (const [room, all] of received) {
      const there = stored.get(room) ?? [];
      // With `deliver: "at-once"`, messages that were already delivered may be lost when the server is killed.
      const known = new Set(there.map(({ seq }) => seq));
      same(`${room}, received`, room === EARLY ? all.filter(({ seq }) => known.has(seq)) : all, there);
    }
  }
}

/** Reads all stored messages, like a client that starts at the first position. */
async function readAll(
  server: KillableServer,
  acked: ReadonlyMap<number, number>,
): Promise<Map<string, Received[]>> {
  const state = (await (await fetch(`${server.url}/rooms/a?last=1`)).json()) as { at: string };
  const reader = new ResumingListener(ROOMS, `${state.at.split("-")[0]}-0`);
  await reader.connect(server.url);
  const last = Math.max(...acked.values());
  while (reader.seq < last) await Bun.sleep(5);
  reader.leave();
  return reader.received;
}

/** Checks that a room's stored messages are exactly the acknowledged ones, in seq order. */
function checkStored(
  room: string,
  stored: Received[],
  acked: ReadonlyMap<number, number>,
  rooms: ReadonlyMap<number, string>,
): void {
  const expected = [...acked]
    .filter(([n]) => rooms.get(n) === room)
    .map(([n, seq]) => ({ n, seq }))
    .sort((a, b) => a.seq - b.seq);
  same(`${room}, stored`, stored, expected);
}

function same(what: string, got: Received[], expected: Received[]): void {
  const at = expected.findIndex(({ n, seq }, i) => got[i]?.n !== n || got[i].seq !== seq);
  if (at < 0 && got.length === expected.length) return;
  const i = at < 0 ? expected.length : at;
  throw new Error(
    `${what}: ${got.length} of ${expected.length}; at ${i} got ${JSON.stringify(got.slice(i, i + 3))}, expected ${JSON.stringify(expected.slice(i, i + 3))}`,
  );
}

function countOf(received: ReadonlyMap<string, Received[]>): number {
  return received.values().reduce((sum, all) => sum + all.length, 0);
}
