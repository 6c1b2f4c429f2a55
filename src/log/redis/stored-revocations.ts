// The revocations in Redis: a sorted set, ordered by the time at which each revocation expires.
import { surelyPast } from "../clock.ts";
import type { LocalNode, Revocation } from "../peers.ts";
import type { KeyNames } from "./key-names.ts";
import { chunks, type RedisConnection, type RedisReply } from "./redis-connection.ts";

/** The number of revocations per read. */
const REVOCATIONS_PER_READ = 1000;

export class StoredRevocations {
  readonly #key: string;

  constructor(names: KeyNames) {
    this.#key = names.shared("revoked");
  }

  add(connection: RedisConnection, { until, ...what }: Revocation): Promise<RedisReply> {
    return connection.call("ZADD", this.#key, until, JSON.stringify(what));
  }

  /**
   * Removes expired revocations, and passes all others to the node. Restores revocations that the node still has but
   * Redis has lost.
   */
  async exchange(connection: RedisConnection, node: () => LocalNode | undefined): Promise<void> {
    await connection.call("ZREMRANGEBYSCORE", this.#key, "-inf", surelyPast());
    const known = new Set<string>();
    for (let from = 0; ; from += REVOCATIONS_PER_READ) {
      const upTo = from + REVOCATIONS_PER_READ - 1;
      const page = await connection.call("ZRANGE", this.#key, from, upTo, "WITHSCORES");
      const flat = (page as RedisReply[]).flat().map(String);
      const all: Revocation[] = [];
      for (let i = 0; i + 1 < flat.length; i += 2) {
        const what = flat[i] as string;
        known.add(what);
        all.push({ ...(JSON.parse(what) as Omit<Revocation, "until">), until: Number(flat[i + 1]) });
      }
      node()?.revoked(all);
      if (all.length < REVOCATIONS_PER_READ) break;
    }
    const lost = [...(node()?.revocations() ?? [])]
      .map(({ until, ...what }): [number, string] => [until, JSON.stringify(what)])
      .filter(([until, what]) => until > surelyPast() && !known.has(what));
    for (const some of chunks(lost)) await connection.call("ZADD", this.#key, ...some.flat());
  }
}
