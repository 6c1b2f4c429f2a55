// The nodes that share the log in Redis: leases, session counts, and messages to all nodes.
import type { LocalNode, Peers, SessionRemoval, Revocation } from "../peers.ts";
import { RedisPresence } from "./presence/redis-presence.ts";
import type { RedisConnection, RunWhenReady } from "./redis-connection.ts";
import type { KeyNames } from "./key-names.ts";
import { COUNTS, LEASE } from "./node-scripts.ts";
import { StoredRevocations } from "./stored-revocations.ts";
import { ttlCache } from "./ttl-cache.ts";
import { TickSlice } from "../../scheduling/tick-slice.ts";
import { governor } from "../../scheduling/governor.ts";

/** The timeout for replies from other nodes, and the time for which counts are cached, in ms. */
const ANSWER_TIMEOUT_MS = 2000;
const COUNTS_TTL_MS = 1000;
/** The maximum number of rooms to compare per tick. */
const ROOMS_PER_TICK = 500;
/** The prefix that marks the name of a leaving node in announcements. */
const LEFT_MARK = "-";

type PeerMessage = { id: number; from: string } & (
  { remove: SessionRemoval } | { remember: Revocation } | { ended: number }
);

export class RedisPeers implements Peers {
  /** Identifies this process. */
  readonly node = crypto.randomUUID();
  readonly presence: RedisPresence;
  readonly #revocations: StoredRevocations;
  #localNode: LocalNode | undefined;
  /** The last written counts, by room. */
  readonly #written = new Map<string, number>();
  #mustWriteAll = false;
  /** Identifies the current walk over the rooms. */
  #walk: object | undefined;
  #count = 0;
  /** The other nodes, as of the last lease renewal, plus nodes that have joined since. */
  #others = new Set<string>();
  readonly #pendingRemovals = new Map<number, (ended: number) => void>();
  readonly #timer: Timer;
  readonly counts: () => Promise<ReadonlyMap<string, number>>;

  /** @param lease the time without renewal after which a node counts as gone, in ms */
  constructor(
    readonly names: KeyNames,
    readonly currentConnection: () => RedisConnection | undefined,
    readonly runWhenReady: RunWhenReady,
    readonly lease: number,
  ) {
    this.#revocations = new StoredRevocations(names);
    this.presence = new RedisPresence(this.node, names, currentConnection, runWhenReady, lease);
    this.#timer = setInterval(() => void this.#refresh(), lease / 3);
    this.#timer.unref();
    this.counts = ttlCache(COUNTS_TTL_MS, () => this.#readCounts());
  }

  get others(): Iterable<string> {
    return this.#others;
  }

  join(localNode: LocalNode): void {
    this.#localNode = localNode;
  }

  async remove(removal: SessionRemoval): Promise<number> {
    const id = ++this.#count;
    let ended = 0;
    let missing = 0;
    const done = Promise.withResolvers<void>();
    this.#pendingRemovals.set(id, (more) => {
      ended += more;
      if (--missing === 0) done.resolve();
    });
    const timer = setTimeout(() => done.resolve(), ANSWER_TIMEOUT_MS);
    try {
      const message: PeerMessage = { id, from: this.node, remove: removal };
      const receivers = await this.runWhenReady((connection) =>
        connection.call("PUBLISH", this.#allChannel, JSON.stringify(message)),
      );
      // All subscribers except this node must reply. Some replies may have arrived before the number was known.
      missing += Number(receivers) - 1;
      if (missing <= 0) return ended;
      await done.promise;
      return ended;
    } finally {
      clearTimeout(timer);
      this.#pendingRemovals.delete(id);
    }
  }

  async remember(revoked: Revocation): Promise<void> {
    await this.runWhenReady((connection) => this.#revocations.add(connection, revoked));
    const message: PeerMessage = { id: 0, from: this.node, remember: revoked };
    await this.runWhenReady((connection) =>
      connection.call("PUBLISH", this.#allChannel, JSON.stringify(message)),
    );
  }

  /** Processes a notification on a channel that does not belong to a room. */
  receive(channel: string, text: string): void {
    if (this.presence.receive(channel, text)) return;
    if (channel === this.#nodesChannel)
      return void (text.startsWith(LEFT_MARK) ? this.#others.delete(text.slice(1)) : this.#others.add(text));
    if (channel !== this.#allChannel && channel !== this.#ownChannel) return;
    const message = JSON.parse(text) as PeerMessage;
    if (message.from === this.node) return;
    if ("ended" in message) return this.#pendingRemovals.get(message.id)?.(message.ended);
    if ("remember" in message) return this.#localNode?.revoked([message.remember]);
    const ended = this.#localNode?.remove(message.remove) ?? 0;
    const reply: PeerMessage = { id: message.id, from: this.node, ended };
    this.currentConnection()
      ?.call("PUBLISH", this.#channelOf(message.from), JSON.stringify(reply))
      .catch(() => {
        // Ignored: after a timeout, the other node continues without the reply.
      });
  }

  /** Starts on a new connection: subscribes, and reads revocations that were made in the meantime. */
  async enter(connection: RedisConnection): Promise<void> {
    this.#mustWriteAll = true;
    await connection.subscribe([this.#allChannel, this.#ownChannel, this.#nodesChannel]);
    await this.#revocations.exchange(connection, () => this.#localNode);
    await this.#refresh();
    // Runs in the background, because nothing depends on it.
    void this.presence.enter(connection);
  }

  /** Removes this node, so that other nodes need not wait until its lease ends. */
  async leave(): Promise<void> {
    clearInterval(this.#timer);
    const connection = this.currentConnection();
    if (!connection || !this.#localNode) return;
    await this.presence.leave();
    await connection.call("ZREM", this.names.shared("nodes"), this.node);
    await connection.call("PUBLISH", this.#nodesChannel, `${LEFT_MARK}${this.node}`);
    await connection.call("DEL", this.#countsOf(this.node));
  }

  /** Renews the lease, then writes changed counts. */
  async #refresh(): Promise<void> {
    const connection = this.currentConnection();
    if (!connection || !this.#localNode) return;
    const keys = [this.names.shared("nodes"), this.#countsOf(this.node)];
    const write = async (changes: [string, number][]) => {
      const lease = [this.node, this.lease, this.#mustWriteAll ? 1 : 0, this.#nodesChannel];
      const nodes = (await connection.eval(LEASE, keys, [...lease, ...changes.flat()])) as Buffer[];
      this.#others = new Set(nodes.map(String));
    };
    const writeAll = this.#mustWriteAll;
    try {
      if (writeAll) this.#written.clear();
      await write([]);
      this.#mustWriteAll = false;
      // Only one walk over the rooms runs at a time, unless a new connection needs a complete walk.
      if (this.#walk && !writeAll) return;
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
      // The log reports the fault. The next refresh writes everything.
      this.#mustWriteAll = true;
      this.#walk = undefined;
    }
  }

  /** Yields rooms whose count differs from the last written count, one slice per tick. */
  async *#changes(localNode: LocalNode): AsyncIterable<[string, number][]> {
    let changes: [string, number][] = [];
    let slice = new TickSlice(ROOMS_PER_TICK);
    for (const [room, count] of this.#counted(localNode)) {
      if (this.#written.get(room) !== count) changes.push([room, count]);
      if (slice.take()) continue;
      if (changes.length > 0) yield changes;
      changes = [];
      slice = new TickSlice(ROOMS_PER_TICK, undefined, await governor.next());
    }
    if (changes.length > 0) yield changes;
  }

  /** Yields the counts of all rooms that have sessions on this node, and 0 for rooms that no longer have any. */
  *#counted(localNode: LocalNode): Iterable<[string, number]> {
    yield* localNode.counts();
    for (const room of this.#written.keys()) {
      const count = localNode.count(room);
      if (count === 0) yield [room, 0];
    }
  }

  async #readCounts(): Promise<ReadonlyMap<string, number>> {
    const start = this.#countsOf("");
    const flat = (await this.runWhenReady((connection) =>
      connection.eval(COUNTS, [this.names.shared("nodes")], [this.node, start]),
    )) as Buffer[];
    const counts = new Map<string, number>();
    for (let i = 0; i + 1 < flat.length; i += 2) {
      const room = String(flat[i]);
      counts.set(room, (counts.get(room) ?? 0) + Number(flat[i + 1]));
    }
    return counts;
  }

  get #allChannel(): string {
    return this.names.shared("nodes:all");
  }

  /** The channel that announces joining and leaving nodes. */
  get #nodesChannel(): string {
    return this.names.shared("nodes:here");
  }

  get #ownChannel(): string {
    return this.#channelOf(this.node);
  }

  #channelOf(node: string): string {
    return this.names.shared(`nodes:${node}`);
  }

  #countsOf(node: string): string {
    return this.names.shared(`counts:${node}`);
  }
}
