// A Redis Cluster for tests: three masters with one replica each, as processes in a temporary folder.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./nodes.ts";
import { RedisServer } from "./redis.ts";

const MASTERS = 3;
const SLOTS = 16_384;

/**
 * Time without a response after which a server counts as failed, in ms. On shared cores, even a healthy server may
 * respond late.
 */
const NODE_TIMEOUT_MS = 1500;

/** The ports of the servers for a slot range, starting with the master's. */
interface Range {
  from: number;
  to: number;
  ports: number[];
}

/** The servers from the perspective of one key: the key's master, that master's replica, and the other masters. */
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

  /** Starts a cluster for several tests. The caller must stop it. */
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

  /** The URL for nodes to connect to, listing the given servers or, by default, all of them. */
  url(...servers: RedisServer[]): string {
    const named = servers.length > 0 ? servers : this.servers;
    return `redis+cluster://${named.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
  }

  /** Resolves once every server runs, all agree on the slots, and every replica is in sync with its master. */
  async whole(): Promise<void> {
    for (const server of this.servers) if (!server.isRunning) await server.begin();
    await until(async () => {
      const views = await Promise.all(this.servers.map(viewOf));
      const [one = []] = views;
      const agreed = one.length > 0 && views.every((view) => Bun.deepEquals(view, one));
      return agreed && one.every(({ ports }) => ports.length === 2) && (await this.#inStep(one));
    });
  }

  /** Number of running masters. */
  async masters(): Promise<number> {
    const running = this.servers.filter(({ isRunning }) => isRunning);
    const roles = await Promise.all(running.map((server) => server.replication("role")));
    return roles.filter((role) => role === "master").length;
  }

  /** Returns the shard of a key. */
  async shardOf(key: string): Promise<Shard> {
    const slot = await this.#slotOf(key);
    const ranges = await viewOf(this.#running());
    const { ports = [] } = ranges.find(({ from, to }) => from <= slot && slot <= to) ?? {};
    const [owner, replica] = ports.map((port) => this.#at(port));
    if (!owner || !replica) throw new Error(`the slot of ${key} has no master or no replica`);
    const all = ranges.map((range) => this.#at(range.ports[0] as number));
    return { owner, replica, others: all.filter((server) => server !== owner) };
  }

  /**
   * Moves a key's slot, including all keys in that slot, to a different master.
   * @param during runs during the move; its argument is a function that moves the given keys, or all remaining ones
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
      // Wait until the server knows its master.
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

/** Returns true if a replica follows its master and has all data that the master had at the time of the call. */
export async function hasAll(replica: RedisServer, master: RedisServer): Promise<boolean> {
  const far = Number(await master.replication("master_repl_offset"));
  const up = (await replica.replication("master_link_status")) === "up";
  return up && Number(await replica.replication("slave_repl_offset")) >= far;
}

/** Stops a replica from replicating, although its master remains reachable. */
export async function cutOff(replica: RedisServer): Promise<void> {
  await replica.ask("CONFIG", "SET", "masteruser", "nobody", "masterauth", "nothing");
  await replica.ask("CLIENT", "KILL", "TYPE", "master");
  await until(async () => (await replica.replication("master_link_status")) === "down");
}

/** Allows a replica to replicate again, from whichever master it is assigned to. */
export async function joinAgain(replica: RedisServer): Promise<void> {
  await replica.ask("CONFIG", "SET", "masteruser", "", "masterauth", "");
}

/** Returns the slot ranges as one server sees them, or an empty list while that server considers the cluster failed. */
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
    const cluster = ["--cluster-enabled", "yes", "--cluster-node-timeout", String(NODE_TIMEOUT_MS)];
    // Allow the promotion of a lagging replica. The tests cover the consequences.
    const behind = ["--cluster-replica-validity-factor", "0"];
    // Replicas must sync at once, because the cluster does not list a replica that has never synced.
    const soon = ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"];
    try {
      return await RedisServer.startIn(own, port, ...cluster, ...behind, ...soon, ...options);
    } catch (error) {
      // A different process has taken the port.
      if (attempt === 5) throw error;
    }
  }
}

/** Returns a free port whose cluster bus port, 10,000 above it, is free too. */
async function portWithBus(): Promise<number> {
  for (;;) {
    // Choose a port below the ephemeral range.
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
