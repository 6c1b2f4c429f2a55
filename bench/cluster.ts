// Cluster benchmark: starts Redis and several nodes, and counts the bytes that sockets receive. See --help.
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Redis } from "ioredis";
import { build } from "hdr-histogram-js";
import { freePort } from "../scripts/free-port.ts";

const HELP = `Usage: bun bench/cluster.ts [options]

  --nodes <list>        numbers of nodes (1,2,3)
  --subscribers <n>     sockets per node, all in one room (200)
  --rooms <list>        numbers of additional idle rooms with a subscriber on each node (0,1000)
  --rate <list>         publishes per second, for latency and CPU time (100,1000,5000)
  --seconds <n>         length of each measurement (5)

Prints each row as text and as one line of JSON. Processes are not pinned. For reliable figures, run this alone on a
machine with more cores than nodes, or compare only rows of one run.
`;

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "1,2,3" },
    subscribers: { type: "string", default: "200" },
    rooms: { type: "string", default: "0,1000" },
    rate: { type: "string", default: "100,1000,5000" },
    seconds: { type: "string", default: "5" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const list = (text: string) => text.split(",").map(Number);
const seconds = Number(values.seconds);
const subscribers = Number(values.subscribers);
const folder = mkdtempSync(join(tmpdir(), "thump-bench-"));
/** The published message: 64 bytes, which a raw socket receives in a 66-byte frame. */
const PAYLOAD = "x".repeat(64);
const FRAME_BYTES = 66;

interface Running {
  redis: Redis;
  processes: Bun.Subprocess[];
  ports: number[];
}

async function start(count: number): Promise<Running> {
  const port = await freePort();
  const quiet = { cwd: folder, stdin: "ignore", stdout: "ignore", stderr: "inherit" } as const;
  const processes: Bun.Subprocess[] = [
    Bun.spawn(
      ["redis-server", "--port", String(port), "--save", "", "--dir", folder, "--loglevel", "warning"],
      quiet,
    ),
  ];
  const redis = new Redis({ port, retryStrategy: () => 50 });
  redis.on("error", () => {
    // Redis is not listening yet.
  });
  await redis.ping();
  const config = join(folder, "thump.config.json");
  await Bun.write(
    config,
    JSON.stringify({
      demo: false,
      limits: {
        rates: {
          session: { publishes: false, bytes: false, joins: false },
          address: { connects: false, publishes: false, bytes: false, joins: false },
        },
        rooms: 100_000,
      },
    }),
  );
  const main = join(import.meta.dir, "../src/main.ts");
  const ports = await Promise.all(Array.from({ length: count }, freePort));
  for (const each of ports) {
    const command = [process.execPath, main, "--config", config, "--log", "none"];
    processes.push(
      Bun.spawn([...command, "--port", String(each), "--redis", `redis://127.0.0.1:${port}`], quiet),
    );
  }
  for (const each of ports)
    while (!(await fetch(`http://127.0.0.1:${each}/readyz`).catch(() => undefined))?.ok) await Bun.sleep(50);
  return { redis, processes, ports };
}

async function stop({ redis, processes }: Running): Promise<void> {
  redis.disconnect();
  for (const each of processes) each.kill("SIGKILL");
  await Promise.all(processes.map(({ exited }) => exited));
}

/** Opens a raw socket that counts the bytes it receives after its handshake. */
async function subscriber(port: number, room: string, count: (bytes: number) => void): Promise<() => void> {
  const open = Promise.withResolvers<void>();
  let begun = false;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(_, data) {
        if (begun) return count(data.length);
        begun = true;
        open.resolve();
      },
    },
  });
  socket.write(
    `GET /rooms/${room} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
  );
  await open.promise;
  return () => socket.end();
}

/** A publisher on a multiplexed socket. The server acknowledges every command. */
class Publisher {
  readonly acks = new Map<number, (now: number) => void>();
  #id = 0;

  private constructor(readonly socket: WebSocket) {
    socket.onmessage = ({ data }) => {
      const { id, type } = JSON.parse(String(data)) as { id?: number; type: string };
      if (id === undefined) return;
      if (type === "error") throw new Error(String(data));
      this.acks.get(id)?.(performance.now());
      this.acks.delete(id);
    };
  }

  static async open(port: number, rooms: string[] = []): Promise<Publisher> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
    await new Promise((resolve) => (socket.onopen = resolve));
    const publisher = new Publisher(socket);
    for (const room of rooms) await publisher.ask({ type: "join", room });
    return publisher;
  }

  /** Resolves with the time of the acknowledgement. */
  ask(command: object): Promise<number> {
    const id = ++this.#id;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.acks.set(id, resolve);
    this.socket.send(JSON.stringify({ ...command, id }));
    return promise;
  }
}

async function processorSeconds({ redis, processes }: Running): Promise<{ redis: number; nodes: number }> {
  const info = await redis.info("cpu");
  const of = (name: string) => Number(new RegExp(`${name}:([0-9.]+)`).exec(info)?.[1]);
  let ticks = 0;
  for (const { pid } of processes.slice(1)) {
    const stat = await Bun.file(`/proc/${pid}/stat`).text();
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return { redis: of("used_cpu_sys") + of("used_cpu_user"), nodes: ticks / 100 };
}

async function commands({ redis }: Running): Promise<number> {
  return Number(/total_commands_processed:([0-9]+)/.exec(await redis.info("stats"))?.[1]);
}

/** Publishes at planned times. Latency is measured from the planned time, so it includes queueing. */
async function atRate(running: Running, publisher: Publisher, rate: number) {
  const histogram = build({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000 });
  const before = await processorSeconds(running);
  const start = performance.now();
  const all: Promise<void>[] = [];
  const total = rate * seconds;
  for (let sent = 0; sent < total;) {
    const due = Math.min(total, Math.floor(((performance.now() - start) / 1000) * rate));
    for (; sent < due; sent++) {
      const planned = start + (sent / rate) * 1000;
      all.push(
        publisher
          .ask({ type: "publish", room: "bench", data: PAYLOAD })
          .then((now) => histogram.recordValue(Math.max(1, Math.round((now - planned) * 1000)))),
      );
    }
    await Bun.sleep(1);
  }
  await Promise.all(all);
  const after = await processorSeconds(running);
  const elapsed = (performance.now() - start) / 1000;
  return {
    p50: histogram.getValueAtPercentile(50) / 1000,
    p99: histogram.getValueAtPercentile(99) / 1000,
    redisMicros: ((after.redis - before.redis) / total) * 1e6,
    nodeMicros: ((after.nodes - before.nodes) / total) * 1e6,
    rate: total / elapsed,
  };
}

/** Publishes as fast as possible, with up to 256 publishes in flight. */
async function flatOut(publisher: Publisher, received: () => number) {
  const end = performance.now() + seconds * 1000;
  const [start, bytes] = [performance.now(), received()];
  let published = 0;
  const one = async () => {
    while (performance.now() < end) {
      await publisher.ask({ type: "publish", room: "bench", data: PAYLOAD });
      published++;
    }
  };
  await Promise.all(Array.from({ length: 256 }, one));
  const elapsed = (performance.now() - start) / 1000;
  return { published: published / elapsed, delivered: (received() - bytes) / FRAME_BYTES / elapsed };
}

function row(fields: Record<string, string | number>): void {
  const rounded = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === "number" ? Math.round(value * 100) / 100 : value,
  ]);
  console.log(rounded.map(([name, value]) => `${name} ${String(value).padStart(9)}`).join("   "));
  console.log(JSON.stringify(Object.fromEntries(rounded)));
}

async function measure(nodes: number, rooms: number): Promise<void> {
  const running = await start(nodes);
  try {
    let bytes = 0;
    const count = (more: number) => void (bytes += more);
    for (const port of running.ports)
      await Promise.all(Array.from({ length: subscribers }, () => subscriber(port, "bench", count)));
    const quiet = Array.from({ length: rooms }, (_, i) => `quiet:${i}`);
    for (const port of running.ports) await Publisher.open(port, quiet);
    const at = { nodes, rooms, subscribers: subscribers * nodes };
    const [idle, asked] = [await processorSeconds(running), await commands(running)];
    await Bun.sleep(seconds * 1000);
    const rested = await processorSeconds(running);
    row({
      what: "idle",
      ...at,
      "commands/s": ((await commands(running)) - asked - 2) / seconds,
      "redis %": ((rested.redis - idle.redis) / seconds) * 100,
      "nodes %": ((rested.nodes - idle.nodes) / seconds) * 100,
    });
    const publisher = await Publisher.open(running.ports[0] as number);
    for (const rate of list(values.rate)) {
      const { p50, p99, redisMicros, nodeMicros, rate: reached } = await atRate(running, publisher, rate);
      const cost = { "redis µs": redisMicros, "nodes µs": nodeMicros };
      row({ what: "rate", ...at, wanted: rate, reached, "p50 ms": p50, "p99 ms": p99, ...cost });
    }
    row({ what: "most", ...at, ...(await flatOut(publisher, () => bytes)) });
  } finally {
    await stop(running);
  }
}

console.log(`${cpus().length} cores, ${cpus()[0]?.model}, Bun ${Bun.version}; ${seconds} s per row`);
for (const nodes of list(values.nodes)) for (const rooms of list(values.rooms)) await measure(nodes, rooms);
rmSync(folder, { recursive: true, force: true });
process.exit(0);
