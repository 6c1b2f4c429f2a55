// A client that stops reading under a flood, and then reads: what it gets, what it costs, and whom it disturbs.
import { build as histogram } from "hdr-histogram-js";
import WS from "ws";
import { adapters, type Adapter } from "./adapters.ts";
import { residentBytes } from "./generator/process-usage.ts";
import { pinning } from "./runner/children.ts";
import { startServer } from "./runner/server.ts";

const SIZE = 10_000;
const RATE = 2_000; // 20 MB/s
const READERS = 4;
const BEFORE = 4_000;
const STALL = 10_000;
const AFTER = 3_000;

interface Case {
  name: string;
  rules: object;
}

const cases: Case[] = [
  {
    name: "a tail that holds it all (400 MB)",
    rules: { history: { count: 100_000, bytes: "400MB", age: "1h" } },
  },
  { name: "the default tail (1 MiB)", rules: {} },
];

/** Counts in order; what is missing must have been said to be missing. */
class Reader {
  next = 0;
  gaps = 0;
  missing = 0;
  faults = 0;
  latency = histogram({ numberOfSignificantValueDigits: 3 });

  constructor(readonly ws: WS) {
    ws.on("message", (data: Buffer) => this.#take(String(data)));
  }

  #take(text: string): void {
    if (text.startsWith('{"type":"gap"')) {
      this.gaps++;
      return;
    }
    const [n, at] = text.split(" ", 2).map(Number) as [number, number];
    if (n > this.next && this.gaps > 0) this.missing += n - this.next;
    else if (n !== this.next) this.faults++;
    this.next = n + 1;
    this.latency.recordValue(Math.max(1, Math.round((performance.now() - at) * 1000)));
  }

  /** p99 in ms since the last call. */
  p99(): string {
    const value = this.latency.getValueAtPercentile(99) / 1000;
    this.latency.reset();
    return `${value.toFixed(1)} ms`;
  }
}

async function open(url: string): Promise<WS> {
  const ws = new WS(url, { perMessageDeflate: false });
  await new Promise((resolve, reject) => ws.once("open", resolve).once("error", reject));
  return ws;
}

async function run(thump: Adapter, { name, rules }: Case): Promise<void> {
  const environment = { THUMP_ROOMS: JSON.stringify({ "*": rules }) };
  const server = await startServer({ ...thump, environment });
  try {
    const url = `ws://127.0.0.1:${server.port}/rooms/flood`;
    const publisher = await open(url);
    const readers = await Promise.all(
      Array.from({ length: READERS }, async () => new Reader(await open(url))),
    );
    const stalled = new Reader(await open(url));
    const pad = "x".repeat(SIZE - 40);
    let sent = 0;
    const began = performance.now();
    const flood = setInterval(() => {
      const due = Math.floor(((performance.now() - began) / 1000) * RATE);
      while (sent < due) publisher.send(`${sent++} ${performance.now()} ${pad}`);
    }, 1);
    const others = () =>
      readers
        .map((reader) => reader.p99())
        .sort()
        .at(-1);
    await Bun.sleep(1_000);
    others();
    await Bun.sleep(BEFORE);
    const before = { p99: others(), rss: residentBytes(server.pid) };
    stalled.ws.pause();
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, residentBytes(server.pid))), 200);
    await Bun.sleep(STALL);
    clearInterval(watch);
    const during = others();
    stalled.ws.resume();
    const resumed = performance.now();
    await Bun.sleep(AFTER);
    const after = others();
    clearInterval(flood);
    while (stalled.next < sent || readers.some(({ next }) => next < sent)) await Bun.sleep(10);
    const all = [...readers, stalled];
    const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
    console.log(`\n${name}`);
    console.log(`  others' p99          ${before.p99} before, ${during} during the stall, ${after} after`);
    console.log(`  server RSS           ${mib(before.rss)} before, at most ${mib(most)} during the stall`);
    console.log(`  the stalled client   ${stalled.missing} of ${sent} missing, ${stalled.gaps} gap notices`);
    console.log(
      `  level again          ${((performance.now() - resumed) / 1000).toFixed(1)} s after it read on, at the latest`,
    );
    console.log(
      `  faults               ${all.reduce((sum, { faults }) => sum + faults, 0)} (repeats, disorder, unannounced loss)`,
    );
    for (const { ws } of [...all, { ws: publisher }]) ws.terminate();
  } finally {
    await server.stop();
  }
}

const thump = adapters.find(({ name }) => name === "thump") as Adapter;
console.log(
  `${READERS} readers and one that stops for ${STALL / 1000} s, at ${(SIZE * RATE) / 1e6} MB/s; ${pinning ?? "server on a core of its own"}`,
);
for (const each of cases) await run(thump, each);
process.exit(0);
