// Starts a cluster without containers: one Redis server and three nodes on this machine. bun examples/cluster/start.ts
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../scripts/free-port.ts";

const main = join(import.meta.dir, "../../src/main.ts");
const folder = mkdtempSync(join(tmpdir(), "thump-cluster-"));

function run(command: string[]): Bun.Subprocess {
  return Bun.spawn(command, { cwd: folder, stdin: "ignore", stdout: "ignore", stderr: "inherit" });
}

if (Bun.which("redis-server") === null) {
  console.error("redis-server was not found. On Debian and Ubuntu: apt-get install redis-server");
  process.exit(1);
}

const redisPort = await freePort();
// The append-only file preserves acknowledged messages when Redis is killed. (The printed text suggests killing it.)
const redisArgs = ["--port", String(redisPort), "--bind", "127.0.0.1", "--dir", folder];
const redis = run([
  "redis-server",
  ...redisArgs,
  "--appendonly",
  "yes",
  "--save",
  "",
  "--loglevel",
  "warning",
]);
const ports = await Promise.all([freePort(), freePort(), freePort()]);
const nodes = ports.map((port) =>
  run([
    process.execPath,
    main,
    "--port",
    String(port),
    "--redis",
    `redis://127.0.0.1:${redisPort}`,
    "--log-level",
    "warning",
  ]),
);

async function ready(port: number): Promise<void> {
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
    await Bun.sleep(50);
  }
}

async function stop(): Promise<never> {
  for (const node of nodes) node.kill();
  await Promise.all(nodes.map(({ exited }) => exited));
  redis.kill();
  await redis.exited;
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
}
process.on("SIGINT", () => void stop());
process.on("SIGTERM", () => void stop());

await Promise.all(ports.map(ready));
const [a, b, c] = ports.map((port) => `http://127.0.0.1:${port}`);
console.log(`Three nodes: ${a}  ${b}  ${c}      Redis: port ${redisPort}, process ${redis.pid}

  subscribe on one    curl -N -H 'accept: text/event-stream' ${a}/rooms/chat
  publish on another  curl -d 'hello' ${b}/rooms/chat
  read on a third     curl '${c}/rooms/chat?last=10'
  list all rooms      curl ${c}/rooms

  kill a node         kill -9 ${nodes[1]?.pid}     the others continue
  kill Redis          kill -9 ${redis.pid}     publishes wait until it restarts: redis-server ${redisArgs.join(" ")} --appendonly yes

Ctrl-C stops everything.`);
await Promise.all(nodes.map(({ exited }) => exited));
await stop();
