// Finds the server that takes writes, each time anew: a Sentinel knows it, or a server of the Cluster.
import { Redis, type RedisOptions } from "ioredis";
import type { RedisAddress, RedisHost } from "./address.ts";

/** What holds for every connection: it is used as long as it lives, and never mends itself. */
const SINGLE_ATTEMPT = {
  lazyConnect: true,
  enableOfflineQueue: false,
  enableReadyCheck: false,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  retryStrategy: () => null,
  connectTimeout: 5000,
  protocol: 3,
} satisfies RedisOptions;

type Range = [from: number, to: number, ...servers: [host: string | null, port: number, ...unknown[]][]];

export class PrimaryFinder {
  /** Servers of the Cluster that were heard of: those that the address names may all be gone one day. */
  #heardOf: RedisHost[] = [];

  /** @param key one of ours: all of them are in one slot of a Cluster */
  constructor(
    readonly address: RedisAddress,
    readonly key: string,
  ) {}

  /**
   * A connection to the server that takes writes, not opened yet.
   * @throws Error when nobody says which one it is, or `signal` ends the search
   */
  async connection(signal: AbortSignal): Promise<Redis> {
    const { kind, hosts, options } = this.address;
    const host =
      kind === "sentinel"
        ? await this.#named(signal)
        : kind === "cluster"
          ? await this.#owner(signal)
          : hosts[0];
    return new Redis({ ...SINGLE_ATTEMPT, ...options, ...host });
  }

  /** The server that the Sentinels name. User and password are the server's, not theirs. */
  #named(signal: AbortSignal): Promise<RedisHost> {
    const { hosts, name, options } = this.address;
    const { tls } = options;
    return first(hosts, tls ? { tls } : {}, signal, async (sentinel) => {
      const named = (await sentinel.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name as string)) as
        string[] | null;
      if (!named) throw new Error(`the Sentinel watches nothing that is called "${name}"`);
      return { host: named[0] as string, port: Number(named[1]) };
    });
  }

  /** The server of the Cluster that has our slot. */
  #owner(signal: AbortSignal): Promise<RedisHost> {
    const { hosts, options } = this.address;
    const others = this.#heardOf.filter(({ host, port }) =>
      hosts.every((known) => known.host !== host || known.port !== port),
    );
    return first([...hosts, ...others], options, signal, async (server, { host: itself }) => {
      const [state, slot, slots] = await Promise.all([
        server.cluster("INFO"),
        server.cluster("KEYSLOT", this.key),
        server.cluster("SLOTS"),
      ]);
      // Cut off from most of the others, it still takes for the owner whoever was it then: perhaps itself.
      if (!String(state).includes("cluster_state:ok"))
        throw new Error("the Cluster is down, or not complete");
      // A server that does not know its own name leaves it out.
      const ranges = (slots as Range[]).map(([from, to, ...servers]) => ({
        ours: from <= slot && slot <= to,
        servers: servers.map(([host, port]): RedisHost => ({ host: host || itself, port })),
      }));
      const owner = ranges.find(({ ours }) => ours)?.servers[0];
      if (!owner) throw new Error("the Cluster serves no slot for its keys yet");
      this.#heardOf = ranges.flatMap(({ servers }) => servers);
      return owner;
    });
  }
}

/**
 * Asks all of them at once, and takes the first answer: one that is dead, or hangs, holds up nobody.
 * @throws Error of the first of them when none has an answer
 */
async function first<T>(
  hosts: RedisHost[],
  options: RedisAddress["options"],
  signal: AbortSignal,
  ask: (redis: Redis, host: RedisHost) => Promise<T>,
): Promise<T> {
  const asked = hosts.map((host) => ({ host, redis: new Redis({ ...SINGLE_ATTEMPT, ...options, ...host }) }));
  const over = Promise.withResolvers<never>();
  const end = () => over.reject(signal.reason);
  signal.addEventListener("abort", end, { once: true });
  try {
    const answers = asked.map(async ({ host, redis }) => {
      let reason: unknown;
      redis.on("error", (error) => (reason ??= error));
      try {
        await redis.connect();
        return await ask(redis, host);
      } catch (error) {
        // The error of the connection says more than the one of the command that it failed.
        throw reason ?? error;
      }
    });
    return await Promise.race([Promise.any(answers), over.promise]);
  } catch (error) {
    throw error instanceof AggregateError ? error.errors[0] : error;
  } finally {
    signal.removeEventListener("abort", end);
    for (const { redis } of asked) redis.disconnect();
  }
}
