// The nodes that share a Redis: each has a lease, says how many are in its rooms, and hears what all are to do.
import { surelyPast } from "../clock.ts";
import type { Member, Peers, Removal, Revoked } from "../peers.ts";
import { RedisCrowd } from "./presence/redis-presence.ts";
import { chunks, type Link, type Reply } from "./redis-connection.ts";
import type { Names } from "./key-names.ts";
import { COUNTS, LEASE } from "./node-scripts.ts";
import { shared } from "./ttl-cache.ts";
import { Slice } from "../../scheduling/tick-slice.ts";
import { governor } from "../../scheduling/governor.ts";

/** How long the others may take to answer, and how long an answer about all of them is good. */
const ANSWER = 2000;
const FRESH = 1000;
/** The most rooms that are looked at in one tick, for changes. */
const ROOMS_PER_TICK = 500;
/** Before the name of a node that leaves. */
const LEFT = "-";
/** Revocations that are read in one step. */
const PAGE = 1000;

/** Runs a command once Redis is there. @throws ThumpError `unavailable` */
export type Ask = (run: (link: Link) => Promise<Reply>) => Promise<Reply>;

type Message = { id: number; from: string } & (
  { remove: Removal } | { remember: Revoked } | { ended: number }
);

export class RedisPeers implements Peers {
  /** Names this process, for as long as it lives. */
  readonly node = crypto.randomUUID();
  readonly crowd: RedisCrowd;
  #member: Member | undefined;
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
    readonly names: Names,
    readonly link: () => Link | undefined,
    readonly ask: Ask,
    readonly lease: number,
  ) {
    this.crowd = new RedisCrowd(this.node, names, link, ask, lease);
    this.#timer = setInterval(() => void this.#refresh(), lease / 3);
    this.#timer.unref();
    this.counts = shared(FRESH, () => this.#readCounts());
  }

  get others(): Iterable<string> {
    return this.#others;
  }

  join(member: Member): void {
    this.#member = member;
  }

  async remove(removal: Removal): Promise<number> {
    const id = ++this.#count;
    let ended = 0;
    let missing = 0;
    const done = Promise.withResolvers<void>();
    this.#asked.set(id, (more) => {
      ended += more;
      if (--missing === 0) done.resolve();
    });
    const timer = setTimeout(() => done.resolve(), ANSWER);
    try {
      const message: Message = { id, from: this.node, remove: removal };
      const heard = await this.ask((link) => link.call("PUBLISH", this.#all, JSON.stringify(message)));
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

  async remember(revoked: Revoked): Promise<void> {
    const { until, ...what } = revoked;
    await this.ask((link) => link.call("ZADD", this.#revoked, until, JSON.stringify(what)));
    const message: Message = { id: 0, from: this.node, remember: revoked };
    await this.ask((link) => link.call("PUBLISH", this.#all, JSON.stringify(message)));
  }

  /** What came on a channel that is no room's. */
  take(channel: string, text: string): void {
    if (this.crowd.take(channel, text)) return;
    if (channel === this.#here)
      return void (text.startsWith(LEFT) ? this.#others.delete(text.slice(1)) : this.#others.add(text));
    if (channel !== this.#all && channel !== this.#own) return;
    const message = JSON.parse(text) as Message;
    if (message.from === this.node) return;
    if ("ended" in message) return this.#asked.get(message.id)?.(message.ended);
    if ("remember" in message) return this.#member?.revoked([message.remember]);
    const ended = this.#member?.remove(message.remove) ?? 0;
    const answer: Message = { id: message.id, from: this.node, ended };
    this.link()
      ?.call("PUBLISH", this.#channelOf(message.from), JSON.stringify(answer))
      .catch(() => {
        // Who asked waits for a moment, and goes on without.
      });
  }

  /** A new connection: hears the others, and knows what was revoked meanwhile. */
  async enter(link: Link): Promise<void> {
    this.#fresh = true;
    await link.subscribe([this.#all, this.#own, this.#here]);
    await link.call("ZREMRANGEBYSCORE", this.#revoked, "-inf", surelyPast());
    const known = new Set<string>();
    for (let from = 0; ; from += PAGE) {
      const page = (await link.call("ZRANGE", this.#revoked, from, from + PAGE - 1, "WITHSCORES")) as Reply[];
      const flat = page.flat().map(String);
      const all: Revoked[] = [];
      for (let i = 0; i + 1 < flat.length; i += 2) {
        known.add(flat[i] as string);
        all.push({
          ...(JSON.parse(flat[i] as string) as Omit<Revoked, "until">),
          until: Number(flat[i + 1]),
        });
      }
      this.#member?.revoked(all);
      if (all.length < PAGE) break;
    }
    await this.#restore(link, known);
    await this.#refresh();
    // Nothing else waits for it.
    void this.crowd.enter(link);
  }

  /** This node leaves: the others need not wait for its lease to end. */
  async leave(): Promise<void> {
    clearInterval(this.#timer);
    const link = this.link();
    if (!link || !this.#member) return;
    await this.crowd.leave();
    await link.call("ZREM", this.names.shared("nodes"), this.node);
    await link.call("PUBLISH", this.#here, `${LEFT}${this.node}`);
    await link.call("DEL", this.#countsOf(this.node));
  }

  /** What Redis has lost, and this node knows. */
  async #restore(link: Link, known: Set<string>): Promise<void> {
    const lost = [...(this.#member?.revocations() ?? [])]
      .map(({ until, ...what }): [number, string] => [until, JSON.stringify(what)])
      .filter(([until, what]) => until > surelyPast() && !known.has(what));
    for (const some of chunks(lost)) await link.call("ZADD", this.#revoked, ...some.flat());
  }

  /** Renews the lease, and then writes what has changed. */
  async #refresh(): Promise<void> {
    const link = this.link();
    if (!link || !this.#member) return;
    const keys = [this.names.shared("nodes"), this.#countsOf(this.node)];
    const write = async (changes: [string, number][]) => {
      const lease = [this.node, this.lease, this.#fresh ? 1 : 0, this.#here];
      const nodes = (await link.eval(LEASE, keys, [...lease, ...changes.flat()])) as Buffer[];
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
      for await (const changes of this.#changes(this.#member)) {
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
  async *#changes(member: Member): AsyncIterable<[string, number][]> {
    let changes: [string, number][] = [];
    let slice = new Slice(ROOMS_PER_TICK);
    for (const [room, count] of this.#counted(member)) {
      if (this.#written.get(room) !== count) changes.push([room, count]);
      if (slice.take()) continue;
      if (changes.length > 0) yield changes;
      changes = [];
      slice = new Slice(ROOMS_PER_TICK, undefined, await governor.next());
    }
    if (changes.length > 0) yield changes;
  }

  /** All rooms that somebody here is in, and those of which that was written. */
  *#counted(member: Member): Iterable<[string, number]> {
    yield* member.counts();
    for (const room of this.#written.keys()) {
      const count = member.count(room);
      if (count === 0) yield [room, 0];
    }
  }

  async #readCounts(): Promise<ReadonlyMap<string, number>> {
    const start = this.#countsOf("");
    const flat = (await this.ask((link) =>
      link.eval(COUNTS, [this.names.shared("nodes")], [this.node, start]),
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
