// The nodes that share a Redis: each has a lease, says how many are in its rooms, and hears what all are to do.
import { surelyPast } from "../clock.ts";
import type { LocalNode, Peers, SessionRemoval, Revocation } from "../peers.ts";
import { RedisPresence } from "./presence/redis-presence.ts";
import { chunks, type RedisConnection, type RedisReply, type RunWhenReady } from "./redis-connection.ts";
import type { KeyNames } from "./key-names.ts";
import { COUNTS, LEASE } from "./node-scripts.ts";
import { ttlCache } from "./ttl-cache.ts";
import { TickSlice } from "../../scheduling/tick-slice.ts";
import { governor } from "../../scheduling/governor.ts";

/** How long the others may take to answer, and how long an answer about all of them is good. */
const ANSWER_TIMEOUT_MS = 2000;
const COUNTS_TTL_MS = 1000;
/** The most rooms that are looked at in one tick, for changes. */
const ROOMS_PER_TICK = 500;
/** Before the name of a node that leaves. */
const LEFT_MARK = "-";
/** Revocations that are read in one step. */
const REVOCATIONS_PER_READ = 1000;

type PeerMessage = { id: number; from: string } & (
  { remove: SessionRemoval } | { remember: Revocation } | { ended: number }
);

export class RedisPeers implements Peers {
  /** Names this process, for as long as it lives. */
  readonly node = crypto.randomUUID();
  readonly presence: RedisPresence;
  #localNode: LocalNode | undefined;
  /** What was last written of each room. */
  readonly #written = new Map<string, number>();
  #fresh = false;
  /** The walk over the rooms that is under way. */
  #walk: object | undefined;
  #count = 0;
  /** All nodes that were there lately: at the last renewal of the lease, and those that came since. */
  #others = new Set<string>();
  readonly #asked = new Map<number, (ended: number) => void>();
  readonly #timer: Timer;
  readonly counts: () => Promise<ReadonlyMap<string, number>>;

  /** @param lease a node that was not heard of for so long is gone, in ms */
  constructor(
    readonly names: KeyNames,
    readonly currentConnection: () => RedisConnection | undefined,
    readonly ask: RunWhenReady,
    readonly lease: number,
  ) {
    this.presence = new RedisPresence(this.node, names, currentConnection, ask, lease);
    this.#timer = setInterval(() => void this.#refresh(), lease / 3);
    this.#timer.unref();
    this.counts = ttlCache(COUNTS_TTL_MS, () => this.#readCounts());
  }

  get others(): Iterable<string> {
    return this.#others;
  }

  join(member: LocalNode): void {
    this.#localNode = member;
  }

  async remove(removal: SessionRemoval): Promise<number> {
    const id = ++this.#count;
    let ended = 0;
    let missing = 0;
    const done = Promise.withResolvers<void>();
    this.#asked.set(id, (more) => {
      ended += more;
      if (--missing === 0) done.resolve();
    });
    const timer = setTimeout(() => done.resolve(), ANSWER_TIMEOUT_MS);
    try {
      const message: PeerMessage = { id, from: this.node, remove: removal };
      const heard = await this.ask((connection) =>
        connection.call("PUBLISH", this.#all, JSON.stringify(message)),
      );
      // All who listen but for this one. Some may have answered before that was known.
      missing += Number(heard) - 1;
      if (missing <= 0) return ended;
      await done.promise;
      return ended;
    } finally {
      clearTimeout(timer);
      this.#asked.delete(id);
    }
  }

  async remember(revoked: Revocation): Promise<void> {
    const { until, ...what } = revoked;
    await this.ask((connection) => connection.call("ZADD", this.#revoked, until, JSON.stringify(what)));
    const message: PeerMessage = { id: 0, from: this.node, remember: revoked };
    await this.ask((connection) => connection.call("PUBLISH", this.#all, JSON.stringify(message)));
  }

  /** What came on a channel that is no room's. */
  take(channel: string, text: string): void {
    if (this.presence.take(channel, text)) return;
    if (channel === this.#here)
      return void (text.startsWith(LEFT_MARK) ? this.#others.delete(text.slice(1)) : this.#others.add(text));
    if (channel !== this.#all && channel !== this.#own) return;
    const message = JSON.parse(text) as PeerMessage;
    if (message.from === this.node) return;
    if ("ended" in message) return this.#asked.get(message.id)?.(message.ended);
    if ("remember" in message) return this.#localNode?.revoked([message.remember]);
    const ended = this.#localNode?.remove(message.remove) ?? 0;
    const answer: PeerMessage = { id: message.id, from: this.node, ended };
    this.currentConnection()
      ?.call("PUBLISH", this.#channelOf(message.from), JSON.stringify(answer))
      .catch(() => {
        // Who asked waits for a moment, and goes on without.
      });
  }

  /** A new connection: hears the others, and knows what was revoked meanwhile. */
  async enter(connection: RedisConnection): Promise<void> {
    this.#fresh = true;
    await connection.subscribe([this.#all, this.#own, this.#here]);
    await connection.call("ZREMRANGEBYSCORE", this.#revoked, "-inf", surelyPast());
    const known = new Set<string>();
    for (let from = 0; ; from += REVOCATIONS_PER_READ) {
      const page = (await connection.call(
        "ZRANGE",
        this.#revoked,
        from,
        from + REVOCATIONS_PER_READ - 1,
        "WITHSCORES",
      )) as RedisReply[];
      const flat = page.flat().map(String);
      const all: Revocation[] = [];
      for (let i = 0; i + 1 < flat.length; i += 2) {
        known.add(flat[i] as string);
        all.push({
          ...(JSON.parse(flat[i] as string) as Omit<Revocation, "until">),
          until: Number(flat[i + 1]),
        });
      }
      this.#localNode?.revoked(all);
      if (all.length < REVOCATIONS_PER_READ) break;
    }
    await this.#restore(connection, known);
    await this.#refresh();
    // Nothing else waits for it.
    void this.presence.enter(connection);
  }

  /** This node leaves: the others need not wait for its lease to end. */
  async leave(): Promise<void> {
    clearInterval(this.#timer);
    const connection = this.currentConnection();
    if (!connection || !this.#localNode) return;
    await this.presence.leave();
    await connection.call("ZREM", this.names.shared("nodes"), this.node);
    await connection.call("PUBLISH", this.#here, `${LEFT_MARK}${this.node}`);
    await connection.call("DEL", this.#countsOf(this.node));
  }

  /** What Redis has lost, and this node knows. */
  async #restore(connection: RedisConnection, known: Set<string>): Promise<void> {
    const lost = [...(this.#localNode?.revocations() ?? [])]
      .map(({ until, ...what }): [number, string] => [until, JSON.stringify(what)])
      .filter(([until, what]) => until > surelyPast() && !known.has(what));
    for (const some of chunks(lost)) await connection.call("ZADD", this.#revoked, ...some.flat());
  }

  /** Renews the lease, and then writes what has changed. */
  async #refresh(): Promise<void> {
    const connection = this.currentConnection();
    if (!connection || !this.#localNode) return;
    const keys = [this.names.shared("nodes"), this.#countsOf(this.node)];
    const write = async (changes: [string, number][]) => {
      const lease = [this.node, this.lease, this.#fresh ? 1 : 0, this.#here];
      const nodes = (await connection.eval(LEASE, keys, [...lease, ...changes.flat()])) as Buffer[];
      this.#others = new Set(nodes.map(String));
    };
    const fresh = this.#fresh;
    try {
      if (fresh) this.#written.clear();
      await write([]);
      this.#fresh = false;
      // One walk over the rooms at a time, unless nothing of an earlier one counts.
      if (this.#walk && !fresh) return;
      const walk = (this.#walk = {});
      for await (const changes of this.#changes(this.#localNode)) {
        if (this.#walk !== walk) return;
        await write(changes);
        for (const [room, count] of changes) {
          if (count > 0) this.#written.set(room, count);
          else this.#written.delete(room);
        }
      }
      this.#walk = undefined;
    } catch {
      // Told by the log's fault. The next time all of it is written.
      this.#fresh = true;
      this.#walk = undefined;
    }
  }

  /** Rooms with another count than was written, found a slice per tick. */
  async *#changes(member: LocalNode): AsyncIterable<[string, number][]> {
    let changes: [string, number][] = [];
    let slice = new TickSlice(ROOMS_PER_TICK);
    for (const [room, count] of this.#counted(member)) {
      if (this.#written.get(room) !== count) changes.push([room, count]);
      if (slice.take()) continue;
      if (changes.length > 0) yield changes;
      changes = [];
      slice = new TickSlice(ROOMS_PER_TICK, undefined, await governor.next());
    }
    if (changes.length > 0) yield changes;
  }

  /** All rooms that somebody here is in, and those of which that was written. */
  *#counted(member: LocalNode): Iterable<[string, number]> {
    yield* member.counts();
    for (const room of this.#written.keys()) {
      const count = member.count(room);
      if (count === 0) yield [room, 0];
    }
  }

  async #readCounts(): Promise<ReadonlyMap<string, number>> {
    const start = this.#countsOf("");
    const flat = (await this.ask((connection) =>
      connection.eval(COUNTS, [this.names.shared("nodes")], [this.node, start]),
    )) as Buffer[];
    const counts = new Map<string, number>();
    for (let i = 0; i + 1 < flat.length; i += 2) {
      const room = String(flat[i]);
      counts.set(room, (counts.get(room) ?? 0) + Number(flat[i + 1]));
    }
    return counts;
  }

  get #all(): string {
    return this.names.shared("nodes:all");
  }

  /** Where nodes that come and leave are told of. */
  get #here(): string {
    return this.names.shared("nodes:here");
  }

  get #own(): string {
    return this.#channelOf(this.node);
  }

  get #revoked(): string {
    return this.names.shared("revoked");
  }

  #channelOf(node: string): string {
    return this.names.shared(`nodes:${node}`);
  }

  #countsOf(node: string): string {
    return this.names.shared(`counts:${node}`);
  }
}
