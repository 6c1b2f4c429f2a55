// A Redis Cluster for tests: three masters and a replica of each, as processes of their own in a folder of their own.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./nodes.ts";
import { RedisServer } from "./redis.ts";

const MASTERS = 3;
const SLOTS = 16_384;

/** A server that does not answer for so long is taken for dead, in ms; shared cores make a living one late. */
const SILENT = 1500;

/** The servers that have a range of slots: ports, the master's first. */
interface Range {
  from: number;
  to: number;
  ports: number[];
}

/** The servers that have a key, its master and the replica of that; and the other masters. */
export interface Shard {
  owner: RedisServer;
  replica: RedisServer;
  others: RedisServer[];
}

export class RedisCluster {
  private constructor(
    readonly dir: string,
    readonly servers: RedisServer[],
  ) {}

  /** Starts one for several tests: who calls this stops it. */
  static async start(...options: string[]): Promise<RedisCluster> {
    const dir = mkdtempSync(join(tmpdir(), "thump-test-"));
    const cluster = new RedisCluster(dir, []);
    try {
      for (let i = 0; i < 2 * MASTERS; i++) cluster.servers.push(await startOne(dir, options));
      await cluster.#form();
      await cluster.whole();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    for (const server of this.servers) server.resume();
    await Promise.all(this.servers.map((server) => server.kill()));
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** The address for nodes; of these servers alone where some are named. */
  url(...servers: RedisServer[]): string {
    const named = servers.length > 0 ? servers : this.servers;
    return `redis+cluster://${named.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
  }

  /** Resolves once every server runs, all of them agree who has what, and every replica has all of its master. */
  async whole(): Promise<void> {
    for (const server of this.servers) if (!server.isRunning) await server.begin();
    await until(async () => {
      const views = await Promise.all(this.servers.map(viewOf));
      const [one = []] = views;
      const agreed = one.length > 0 && views.every((view) => Bun.deepEquals(view, one));
      return agreed && one.every(({ ports }) => ports.length === 2) && (await this.#inStep(one));
    });
  }

  /** How many of those that run are masters. */
  async masters(): Promise<number> {
    const running = this.servers.filter(({ isRunning }) => isRunning);
    const roles = await Promise.all(running.map((server) => server.replication("role")));
    return roles.filter((role) => role === "master").length;
  }

  /** Where a key is. */
  async shardOf(key: string): Promise<Shard> {
    const slot = await this.#slotOf(key);
    const ranges = await viewOf(this.#running());
    const { ports = [] } = ranges.find(({ from, to }) => from <= slot && slot <= to) ?? {};
    const [owner, replica] = ports.map((port) => this.#at(port));
    if (!owner || !replica) throw new Error(`nobody, or nobody else, has the slot of ${key}`);
    const all = ranges.map((range) => this.#at(range.ports[0] as number));
    return { owner, replica, others: all.filter((server) => server !== owner) };
  }

  /**
   * Moves the slot of a key to another master, and all keys that are in it.
   * @param during moves these keys, or all that are left, when it is told to
   */
  async move(
    key: string,
    to: RedisServer,
    during: (moveKeys: (...keys: string[]) => Promise<void>) => Promise<void>,
  ): Promise<void> {
    const slot = await this.#slotOf(key);
    const { owner, others } = await this.shardOf(key);
    const [fromId, toId] = await Promise.all([owner, to].map((server) => server.ask("CLUSTER", "MYID")));
    await to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", String(fromId));
    await owner.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", String(toId));
    await during(async (...given) => {
      for (let keys = given; ; keys = []) {
        if (keys.length === 0) keys = (await owner.ask("CLUSTER", "GETKEYSINSLOT", slot, 100)) as string[];
        if (keys.length === 0) return;
        await owner.ask("MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS", ...keys);
        if (given.length > 0) return;
      }
    });
    for (const server of [to, owner, ...others])
      await server.ask("CLUSTER", "SETSLOT", slot, "NODE", String(toId));
    await this.whole();
  }

  async #slotOf(key: string): Promise<number> {
    return Number(await this.#running().ask("CLUSTER", "KEYSLOT", key));
  }

  #running(): RedisServer {
    return this.servers.find(({ isRunning }) => isRunning) as RedisServer;
  }

  #at(port: number): RedisServer {
    return this.servers.find((server) => server.port === port) as RedisServer;
  }

  async #form(): Promise<void> {
    const [first, ...others] = this.servers as [RedisServer, ...RedisServer[]];
    for (const [i, server] of this.servers.entries()) await server.ask("CLUSTER", "SET-CONFIG-EPOCH", i + 1);
    for (const [i, server] of this.servers.slice(0, MASTERS).entries()) {
      const [from, to] = [i, i + 1].map((part) => Math.ceil((part * SLOTS) / MASTERS)) as [number, number];
      await server.ask("CLUSTER", "ADDSLOTSRANGE", from, to - 1);
    }
    for (const { port } of others) await first.ask("CLUSTER", "MEET", "127.0.0.1", port);
    for (const [i, server] of this.servers.slice(MASTERS).entries()) {
      const id = String(await (this.servers[i] as RedisServer).ask("CLUSTER", "MYID"));
      // It does not know of its master yet.
      await until(async () => String(await server.ask("CLUSTER", "NODES")).includes(`${id} 127.0.0.1`));
      await server.ask("CLUSTER", "REPLICATE", id);
    }
  }

  async #inStep(ranges: Range[]): Promise<boolean> {
    const pairs = ranges.map(
      ({ ports }) => ports.map((port) => this.#at(port)) as [RedisServer, RedisServer],
    );
    return (await Promise.all(pairs.map(([master, replica]) => hasAll(replica, master)))).every(Boolean);
  }
}

/** Whether a replica follows, and has everything that its master had when it was asked. */
export async function hasAll(replica: RedisServer, master: RedisServer): Promise<boolean> {
  const far = Number(await master.replication("master_repl_offset"));
  const up = (await replica.replication("master_link_status")) === "up";
  return up && Number(await replica.replication("slave_repl_offset")) >= far;
}

/** From now on a replica gets nothing of what its master writes, though everybody sees that both live. */
export async function cutOff(replica: RedisServer): Promise<void> {
  await replica.ask("CONFIG", "SET", "masteruser", "nobody", "masterauth", "nothing");
  await replica.ask("CLIENT", "KILL", "TYPE", "master");
  await until(async () => (await replica.replication("master_link_status")) === "down");
}

/** The next master that it has may be followed again. */
export async function joinAgain(replica: RedisServer): Promise<void> {
  await replica.ask("CONFIG", "SET", "masteruser", "", "masterauth", "");
}

/** What a server knows of who has which slots; nothing while it takes the Cluster for broken. */
async function viewOf(server: RedisServer): Promise<Range[]> {
  if (!String(await server.ask("CLUSTER", "INFO")).includes("cluster_state:ok")) return [];
  const slots = (await server.ask("CLUSTER", "SLOTS")) as [number, number, ...[string, number][]][];
  return slots
    .map(([from, to, ...servers]) => ({ from, to, ports: servers.map(([, port]) => port) }))
    .toSorted((a, b) => a.from - b.from);
}

async function startOne(dir: string, options: string[]): Promise<RedisServer> {
  for (let attempt = 1; ; attempt++) {
    const port = await portWithBus();
    const own = join(dir, String(port));
    mkdirSync(own);
    const cluster = ["--cluster-enabled", "yes", "--cluster-node-timeout", String(SILENT)];
    // Whoever is behind may take over all the same: what comes of it is what is tested.
    const behind = ["--cluster-replica-validity-factor", "0"];
    // Replicas are there at once, and listed: one that has had nothing yet is not.
    const soon = ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"];
    try {
      return await RedisServer.startIn(own, port, ...cluster, ...behind, ...soon, ...options);
    } catch (error) {
      // Somebody was quicker, and took the port.
      if (attempt === 5) throw error;
    }
  }
}

/** A free port, with a free one 10,000 above it, on which servers of a Cluster talk to each other. */
async function portWithBus(): Promise<number> {
  for (;;) {
    // Below those that connections are given.
    const port = 11_000 + Math.floor(Math.random() * 11_000);
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => resolve(true));
  });
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return free;
}
