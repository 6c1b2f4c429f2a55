// Kills a server at random moments under load, repeatedly on the same data. Acknowledged messages are stored in
// order, once; cursors resume exactly; retries are not stored twice.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../support/random.ts";
import { Life } from "./life.ts";
import { type Heard, Returning } from "./listener.ts";
import { Speaker } from "./speaker.ts";

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
  heard: number;
}

export async function playKills(random: Random, folder: string, kills: number): Promise<Outcome> {
  writeFileSync(join(folder, "thump.config.json"), JSON.stringify(CONFIG));
  const life = new Life(folder, random.chance(2) ? ["--durability", "fsync"] : []);
  let n = 0;
  let open = true;
  const rooms = new Map<number, string>();
  const speakers = ["x", "y", "z"].map(
    (name) =>
      new Speaker(name, () => {
        if (!open) return undefined;
        const room = random.pick(ROOMS);
        rooms.set(++n, room);
        return { n, room };
      }),
  );
  const listeners = [new Returning(EXACT), new Returning(["b", EARLY]), new Returning(["a"])];
  const connect = async () => {
    await life.start();
    await Promise.all(listeners.map((listener) => listener.connect(life.url)));
    await Promise.all(speakers.map((speaker) => speaker.connect(life.url)));
  };
  await connect();
  for (let i = 0; i < kills; i++) {
    await Bun.sleep(random.below(150));
    await life.kill();
    if (random.chance(4)) await life.stumble(random.below(150));
    await connect();
  }
  open = false;
  await Promise.all(speakers.map((speaker) => speaker.settled()));
  const said = [...speakers.values()];
  for (const { failure, isSettled } of said)
    if (failure || !isSettled) throw failure ?? new Error("not settled");
  const acked = new Map(said.flatMap((speaker) => [...speaker.acked]));
  await check(life, acked, rooms, listeners);
  await life.stop();
  return { kills, acked: acked.size, heard: listeners.reduce((sum, { heard }) => sum + countOf(heard), 0) };
}

async function check(
  life: Life,
  acked: ReadonlyMap<number, number>,
  rooms: ReadonlyMap<number, string>,
  listeners: Returning[],
): Promise<void> {
  const kept = await readAll(life, acked);
  for (const room of [...EXACT, EARLY]) checkKept(room, kept.get(room) ?? [], acked, rooms);
  const few = kept.get(FEW) ?? [];
  const newest = [...acked].filter(([n]) => rooms.get(n) === FEW).sort((a, b) => a[1] - b[1]);
  same(
    `${FEW}: the newest`,
    few.slice(-50),
    newest.slice(-50).map(([n, seq]) => ({ n, seq })),
  );
  for (const { heard, gaps, disorder } of listeners) {
    if (gaps > 0) throw new Error(`${gaps} gap notices, though everything is kept`);
    if (disorder > 0) throw new Error(`${disorder} publications came out of order`);
    for (const [room, all] of heard) {
      const there = kept.get(room) ?? [];
      // With deliver: at-once, messages delivered before the kill may be lost.
      const known = new Set(there.map(({ seq }) => seq));
      same(`${room}, heard`, room === EARLY ? all.filter(({ seq }) => known.has(seq)) : all, there);
    }
  }
}

/** All stored messages, read by a client that starts at the very beginning. */
async function readAll(life: Life, acked: ReadonlyMap<number, number>): Promise<Map<string, Heard[]>> {
  const state = (await (await fetch(`${life.url}/rooms/a?last=1`)).json()) as { at: string };
  const reader = new Returning(ROOMS, `${state.at.split("-")[0]}-0`);
  await reader.connect(life.url);
  const last = Math.max(...acked.values());
  while (reader.seq < last) await Bun.sleep(5);
  reader.leave();
  return reader.heard;
}

/** Checks that a room's stored messages are the acknowledged ones, each once, in the order of seqs. */
function checkKept(
  room: string,
  kept: Heard[],
  acked: ReadonlyMap<number, number>,
  rooms: ReadonlyMap<number, string>,
): void {
  const expected = [...acked]
    .filter(([n]) => rooms.get(n) === room)
    .map(([n, seq]) => ({ n, seq }))
    .sort((a, b) => a.seq - b.seq);
  same(`${room}, kept`, kept, expected);
}

function same(what: string, got: Heard[], expected: Heard[]): void {
  const at = expected.findIndex(({ n, seq }, i) => got[i]?.n !== n || got[i].seq !== seq);
  if (at < 0 && got.length === expected.length) return;
  const i = at < 0 ? expected.length : at;
  throw new Error(
    `${what}: ${got.length} of ${expected.length}; at ${i} got ${JSON.stringify(got.slice(i, i + 3))}, expected ${JSON.stringify(expected.slice(i, i + 3))}`,
  );
}

function countOf(heard: ReadonlyMap<string, Heard[]>): number {
  return heard.values().reduce((sum, all) => sum + all.length, 0);
}
