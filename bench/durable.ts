// `bun bench durable`: publishes to durable rooms, and to in-memory rooms for comparison, through a server in
// this process. Measures the publish rate, the acknowledgement latency, and the event-loop delay.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServerCore } from "../src/server/server-core.ts";
import { resolveOptions } from "../src/server/config/settings.ts";
import type { Options } from "../src/server/config/options.ts";

const DATA = { kind: "json", text: JSON.stringify({ text: "x".repeat(53) }) } as const;
const ROOM_COUNT = 10;
/** Maximum number of unacknowledged publishes. */
const MAX_UNACKNOWLEDGED = 2000;
/** Interval between samples of the event-loop delay, in ms. */
const SAMPLE_INTERVAL_MS = 5;

interface Load {
  title: string;
  /** Publishes per event-loop tick. */
  perTick: number;
  total: number;
  /** Pause between ticks, in ms. With 0, publishes go out as fast as acknowledgements arrive. */
  pause: number;
}

const LOADS: Load[] = [
  { title: "warm-up", perTick: 200, total: 100_000, pause: 0 },
  { title: "as fast as possible", perTick: 200, total: 500_000, pause: 0 },
  { title: "10 per ms", perTick: 10, total: 40_000, pause: 1 },
  { title: "1 per ms", perTick: 1, total: 4_000, pause: 1 },
];

/** Returns the quantile `part` (0 to 1) of the values, formatted. */
function quantile(values: number[], part: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(2).padStart(8);
}

async function play({ hub }: ServerCore, { title, perTick, total, pause }: Load): Promise<string> {
  const acks: number[] = [];
  const late: number[] = [];
  let due = performance.now() + SAMPLE_INTERVAL_MS;
  const timer = setInterval(() => {
    late.push(Math.max(0, performance.now() - due));
    due = performance.now() + SAMPLE_INTERVAL_MS;
  }, SAMPLE_INTERVAL_MS);
  const cpu = process.cpuUsage();
  const start = performance.now();
  let sent = 0;
  const publish = () => {
    const began = performance.now();
    const stored = hub.publish({ room: `room-${sent++ % ROOM_COUNT}`, event: "message", data: DATA });
    const ack = () => void acks.push(performance.now() - began);
    if (stored instanceof Promise) void stored.then(ack);
    else ack();
  };
  while (sent < total) {
    for (let i = 0; i < perTick; i++) publish();
    if (pause > 0) await Bun.sleep(pause);
    do await new Promise(setImmediate);
    while (sent - acks.length > MAX_UNACKNOWLEDGED);
  }
  while (acks.length < total) await new Promise(setImmediate);
  const took = performance.now() - start;
  clearInterval(timer);
  const { user, system } = process.cpuUsage(cpu);
  const rate = Math.round((total / took) * 1000).toLocaleString("en");
  const cores = ((user + system) / 1000 / took).toFixed(2);
  return `${title.padEnd(18)} ${rate.padStart(10)}/s ${cores.padStart(6)} ${quantile(acks, 0.5)} ${quantile(acks, 0.99)} ${quantile(late, 0.99)} ${quantile(late, 1)}`;
}

async function measure(title: string, store: NonNullable<Options["store"]>): Promise<void> {
  const core = new ServerCore(resolveOptions({ store }));
  console.log(`\n${title}\n${" ".repeat(24)}rate  cores  ack p50      p99  late p99      max   (ms)`);
  for (const load of LOADS) console.log(await play(core, load));
  await core.close();
}

/** Runs every load against every store. To restrict it to one core: `taskset -c 0 bun bench durable`. */
export async function durable(): Promise<void> {
  await measure("in memory", { kind: "memory" });
  for (const durability of ["normal", "fsync"] as const) {
    const dir = mkdtempSync(join(process.env["THUMP_BENCH_DATA"] ?? tmpdir(), "thump-durable-"));
    await measure(`in a file, ${durability}`, { kind: "sqlite", dir, durability });
    rmSync(dir, { recursive: true });
  }
}
