// Finds the server that accepts writes by asking the Sentinels or the Cluster's servers. Runs for each new connection.
import { Redis, type RedisOptions } from "ioredis";
import type { RedisAddress, RedisHost } from "./address.ts";

/** Options for all connections. A connection is used until it breaks and never reconnects by itself. */
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
  /** The Cluster's servers from the last reply. Needed because all servers in the address may be replaced over time. */
  #knownServers: RedisHost[] = [];

  /** @param key any key of the log; in a Cluster, all of the log's keys are in one slot */
  constructor(
    readonly address: RedisAddress,
    readonly key: string,
  ) {}

  /**
   * Returns a connection to the server that accepts writes. The connection is not open yet.
   * @throws Error if no server can name the primary, or `signal` ends the search
   */
  async connection(signal: AbortSignal): Promise<Redis> {
    const { kind, hosts, options } = this.address;
    const host =
      kind === "sentinel"
        ? await this.#askSentinels(signal)
        : kind === "cluster"
          ? await this.#askCluster(signal)
          : hosts[0];
    return new Redis({ ...SINGLE_ATTEMPT, ...options, ...host });
  }

  /** Asks the Sentinels for the primary. The user name and password are for the primary, not for the Sentinels. */
  #askSentinels(signal: AbortSignal): Promise<RedisHost> {
    const { hosts, name, options } = this.address;
    const { tls } = options;
    return first(hosts, tls ? { tls } : {}, signal, async (sentinel) => {
      const address = (await sentinel.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name as string)) as
        string[] | null;
      if (!address) throw new Error(`the Sentinel does not monitor a primary named "${name}"`);
      return { host: address[0] as string, port: Number(address[1]) };
    });
  }

  /** Asks the Cluster which server owns the log's slot. */
  #askCluster(signal: AbortSignal): Promise<RedisHost> {
    const { hosts, options } = this.address;
    const others = this.#knownServers.filter(({ host, port }) =>
      hosts.every((known) => known.host !== host || known.port !== port),
    );
    return first([...hosts, ...others], options, signal, async (server, { host: itself }) => {
      const [state, slot, slots] = await Promise.all([
        server.cluster("INFO"),
        server.cluster("KEYSLOT", this.key),
        server.cluster("SLOTS"),
      ]);
      // A server that has lost contact with the majority may still name the previous owner, possibly itself.
      if (!String(state).includes("cluster_state:ok")) throw new Error("the Cluster is down or incomplete");
      // A server that does not know its own host name omits it from the reply.
      const ranges = (slots as Range[]).map(([from, to, ...servers]) => ({
        isOurs: from <= slot && slot <= to,
        servers: servers.map(([host, port]): RedisHost => ({ host: host || itself, port })),
      }));
      const owner = ranges.find(({ isOurs }) => isOurs)?.servers[0];
      if (!owner) throw new Error("no server of the Cluster serves the slot with the log's keys yet");
      this.#knownServers = ranges.flatMap(({ servers }) => servers);
      return owner;
    });
  }
}

/**
 * Asks all servers at the same time and returns the first reply, so that a server that is down or hangs causes no
 * delay.
 * @throws the first server's error if all servers fail
 */
async function first<T>(
  hosts: RedisHost[],
  options: RedisAddress["options"],
  signal: AbortSignal,
  ask: (redis: Redis, host: RedisHost) => Promise<T>,
): Promise<T> {
  const connections = hosts.map((host) => ({
    host,
    redis: new Redis({ ...SINGLE_ATTEMPT, ...options, ...host }),
  }));
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    const replies = connections.map(async ({ host, redis }) => {
      let reason: unknown;
      redis.on("error", (error) => (reason ??= error));
      try {
        await redis.connect();
        return await ask(redis, host);
      } catch (error) {
        // The connection's error is more specific than the command's own error.
        throw reason ?? error;
      }
    });
    return await Promise.race([Promise.any(replies), aborted.promise]);
  } catch (error) {
    throw error instanceof AggregateError ? error.errors[0] : error;
  } finally {
    signal.removeEventListener("abort", abort);
    for (const { redis } of connections) redis.disconnect();
  }
}
