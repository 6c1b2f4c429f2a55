// `bun bench/compression/main.ts`: the server's CPU time and the bytes on the wire, with and without compression.
import { parseArgs } from "node:util";
import { coreOf } from "../../src/server/thump-server.ts";
import { serve } from "../../src/index.ts";
import { spread } from "../report/statistics.ts";
import { table } from "../report/table.ts";
import type { Answer, Request } from "./readers.ts";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "1000" },
    /** Approximate number of data bytes to deliver per measurement. */
    bytes: { type: "string", default: "200000000" },
    runs: { type: "string", default: "3" },
    /** Measure only variants whose names contain this text. */
    way: { type: "string", default: "" },
  },
});
const CLIENTS = Number(values.clients);
const DELIVERED_BYTES = Number(values.bytes);
const RUNS = Number(values.runs);

interface Case {
  name: string;
  /** Bytes of JSON per publish, and publishes per event-loop tick. */
  size: number;
  perTick: number;
}

interface Way {
  name: string;
  room: string;
  head: (room: string) => string;
}

interface Cost {
  /** The server's CPU microseconds per delivery, and bytes on the wire per delivery. */
  cpu: number;
  wire: number;
}

const CASES: Case[] = [
  { name: "64 B", size: 64, perTick: 1 },
  { name: "64 B × 20 per tick", size: 64, perTick: 20 },
  { name: "200 B", size: 200, perTick: 1 },
  { name: "200 B × 20 per tick", size: 200, perTick: 20 },
  { name: "2 KB", size: 2_000, perTick: 1 },
  { name: "20 KB", size: 20_000, perTick: 1 },
];

const get = (fields: string) => (room: string) =>
  `GET /rooms/${room} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n\r\n`;
const HANDSHAKE = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==`;
const ALL_WAYS: Way[] = [
  {
    name: "WebSocket",
    room: "plain",
    head: get(`${HANDSHAKE}\r\nSec-WebSocket-Extensions: permessage-deflate`),
  },
  {
    name: "WebSocket, deflate",
    room: "packed",
    head: get(`${HANDSHAKE}\r\nSec-WebSocket-Extensions: permessage-deflate`),
  },
  { name: "event stream", room: "plain", head: get("Accept: text/event-stream") },
  {
    name: "event stream, gzip",
    room: "packed",
    head: get("Accept: text/event-stream\r\nAccept-Encoding: gzip"),
  },
];

const WAYS = ALL_WAYS.filter(({ name }) => name.includes(values.way));

/** Returns about `size` bytes of dashboard-like JSON, in which field names repeat but numbers do not. */
function sample(size: number, n: number): object[] {
  const rows: object[] = [];
  let random = (n * 2_654_435_761) >>> 0;
  for (let length = 2; length < size - 20; length += JSON.stringify(rows.at(-1)).length + 1) {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    const symbol = (random >>> 8).toString(36);
    rows.push({ id: random % 100_000, symbol, price: (random % 9973) / 100, volume: random >>> 20 });
  }
  return rows;
}

class Readers {
  readonly #child = Bun.spawn([process.execPath, `${import.meta.dir}/readers.ts`], {
    stdout: "inherit",
    stderr: "inherit",
    ipc: (answer: Answer) => this.#answered(answer),
  });
  #answered: (answer: Answer) => void = () => {};

  ask(request: Request): Promise<Answer> {
    return new Promise((resolve) => {
      this.#answered = resolve;
      this.#child.send(request);
    });
  }

  /** Waits until no more data arrives, and returns the number of bytes received. */
  async settled(): Promise<number> {
    let sum = 0;
    for (let quiet = 0; quiet < 3;) {
      await Bun.sleep(30);
      const { bytes = 0 } = (await this.ask({ tally: true })) as { bytes?: number };
      sum += bytes;
      quiet = bytes === 0 ? quiet + 1 : 0;
    }
    return sum;
  }

  async close(): Promise<void> {
    this.#child.kill();
    await this.#child.exited;
  }
}

async function measure(way: Way, { size, perTick }: Case): Promise<Cost> {
  const server = serve({
    port: 0,
    demo: false,
    drain: 0,
    log: "none",
    rooms: { packed: { history: { count: 10 }, compress: { over: 0 } }, "*": { history: { count: 10 } } },
  });
  const readers = new Readers();
  await readers.ask({ open: CLIENTS, port: server.port, head: way.head(way.room) });
  const ticks = Math.max(10, Math.ceil(DELIVERED_BYTES / CLIENTS / size / perTick));
  const samples = Array.from({ length: ticks * perTick }, (_, n) => sample(size, n));
  await run(samples.slice(0, perTick * 5));
  await readers.settled();
  const before = process.cpuUsage();
  await run(samples);
  const { user, system } = process.cpuUsage(before);
  const wire = await readers.settled();
  const { lagged } = coreOf(server.thump).hub.stats;
  await readers.close();
  await server.stop();
  const deliveries = samples.length * CLIENTS;
  if (lagged > 0) console.log(`  (${way.name}, ${size} B: ${lagged} were lagging)`);
  return { cpu: (user + system) / deliveries, wire: wire / deliveries };

  async function run(data: unknown[]): Promise<void> {
    for (let i = 0; i < data.length; i += perTick) {
      for (const one of data.slice(i, i + perTick)) await server.thump.publish(way.room, one);
      // Wait for the readers to catch up. Otherwise, the measurement would include queueing.
      await Bun.sleep(2);
    }
    while ([...coreOf(server.thump).hub.sessions.values()].some((session) => session.hasUnsent()))
      await Bun.sleep(5);
  }
}

const rows = [["", ...WAYS.flatMap(({ name }) => [`${name}: µs`, "bytes"])]];
for (const each of CASES) {
  const costs = new Map(WAYS.map((way): [Way, Cost[]] => [way, []]));
  // Variants alternate, so that other load on the machine affects all of them.
  for (let run = 0; run < RUNS; run++) for (const way of WAYS) costs.get(way)?.push(await measure(way, each));
  const cells = [...costs.values()].flatMap((runs) => [
    spread(runs.map(({ cpu }) => cpu)).median.toFixed(2),
    spread(runs.map(({ wire }) => wire)).median.toFixed(0),
  ]);
  rows.push([each.name, ...cells]);
  console.log(table(rows));
}
