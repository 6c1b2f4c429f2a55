// Receives publications for the subscribed rooms from Redis, delivers them in order, and detects missed publications.
import type { Cursor } from "../../protocol/cursor.ts";
import type { Publication } from "../../protocol/publication.ts";
import { decode } from "./codec.ts";
import type { RestartBarrier } from "./restart-barrier.ts";
import type { Subscription } from "./subscription.ts";
import { chunksOf, type RedisConnection } from "./redis-connection.ts";
import type { KeyNames } from "./key-names.ts";
import type { RoomKeys } from "./room-keys.ts";
import { type NewestPositions, probe, readNewest } from "./newest-positions.ts";
import type { RedisStats } from "./redis-stats.ts";

export class Subscriber {
  readonly names: KeyNames;
  epoch = "";
  /** Everything up to this seq has been delivered, in all subscribed rooms. */
  last = 0;
  /**
   * The newest acknowledged seq. May be ahead of `last` if the connection broke before the publication was delivered.
   */
  #acknowledged = 0;
  /**
   * Whether publications are delivered on arrival. Otherwise they are held until it is known which publications were
   * missed.
   */
  live = false;
  onEpochChange: (before: Cursor) => void = () => {};
  readonly rooms = new Map<string, Subscription>();
  /** The epoch of the current subscriptions. Differs from `epoch` while the node is entering the log. */
  #entered = "";
  #held: [room: Subscription, publication: Publication][] = [];
  #joining: Subscription[] = [];

  /** @param onError called when a subscription to rooms has failed */
  constructor(
    readonly roomKeys: RoomKeys,
    readonly barrier: RestartBarrier,
    readonly stats: RedisStats,
    readonly currentConnection: () => RedisConnection | undefined,
    readonly onForget: ((room: string) => void) | undefined,
    readonly onError: (connection: RedisConnection, error: Error) => void,
  ) {
    this.names = roomKeys.names;
  }

  /** Subscribes to a room, together with all other rooms requested in this tick. */
  subscribe(subscription: Subscription): void {
    this.rooms.set(subscription.name, subscription);
    if (this.#joining.push(subscription) === 1) queueMicrotask(() => this.join());
  }

  /** Subscribes to the requested rooms. If there is no connection, the next connection subscribes to them. */
  join(): void {
    const connection = this.currentConnection();
    if (!connection || !this.live || this.#joining.length === 0) return;
    const rooms = this.#joining.filter((room) => this.rooms.get(room.name) === room);
    this.#joining = [];
    this.#join(connection, rooms).catch((error: unknown) => this.onError(connection, error as Error));
  }

  unsubscribe(name: string): void {
    const subscription = this.rooms.get(name);
    if (!subscription) return;
    this.rooms.delete(name);
    subscription.release();
    subscription.starting.resolve();
    this.currentConnection()?.unsubscribe([this.names.channel(this.#entered, name)]);
  }

  /** Processes a notification. Returns false if the channel does not belong to a room. */
  receive(channel: string, message: Buffer): boolean {
    const name = this.names.roomOf(this.#entered, channel);
    if (name === undefined) return false;
    const room = this.rooms.get(name);
    if (room && message.length > 0) this.#receive(room, message);
    else if (room) this.onForget?.(name);
    return true;
  }

  #receive(room: Subscription, message: Buffer): void {
    const publication = decode(room.name, message);
    if (!room.started) room.early.push(publication);
    else if (this.live) this.#deliver(room, publication);
    else this.#held.push([room, publication]);
  }

  /** Records the log's seq from a reply. All notifications up to that seq have already arrived. */
  advanceTo(seq: number): void {
    if (this.live && seq > this.last) this.last = seq;
  }

  /** Records an acknowledged publication. If it is missing from Redis later, Redis has lost messages. */
  acknowledged(seq: number): void {
    if (seq > this.#acknowledged) this.#acknowledged = seq;
  }

  /** Called when the connection has broken. Publications may be missed from now on. */
  down(): void {
    this.live = false;
    this.#forgetHeld();
  }

  /** Drops held publications, which will be read again or belong to an earlier epoch. */
  #forgetHeld(): void {
    this.#held = [];
    for (const room of this.rooms.values()) {
      room.early = [];
      room.release();
    }
  }

  /** The newest position that a client may have received from this node. */
  get seen(): Cursor {
    return { epoch: this.epoch, seq: Math.max(this.last, this.#acknowledged) };
  }

  /**
   * Enters the log on a new connection, or again on the same connection. Then determines which publications were
   * missed.
   */
  async enter(connection: RedisConnection): Promise<void> {
    this.live = false;
    const { epoch, doubt } = await this.barrier.enter(connection, this.seen);
    const rooms = [...this.rooms.values()];
    this.#joining = [];
    this.#entered = epoch;
    if (this.#entered !== this.epoch) this.#forgetHeld();
    const newest = await this.#subscribe(connection, this.#entered, rooms);
    if (this.#entered === this.epoch) await probe(connection, this.roomKeys, this.epoch, newest, rooms);
    if (this.currentConnection() !== connection) return;
    const before: Cursor = { epoch: this.epoch, seq: this.last };
    this.epoch = this.#entered;
    const renewed = before.epoch !== "" && before.epoch !== this.epoch;
    if (renewed) this.#changeEpoch(newest, before);
    else this.#resume(newest, rooms, doubt);
    const held = this.#held;
    this.#held = [];
    this.live = true;
    for (const [room, publication] of held) this.#deliver(room, publication);
    this.advanceTo(newest.seq);
    this.join();
  }

  /** Compares each room's newest seq with its delivered seq, to detect missed publications. */
  async check(connection: RedisConnection): Promise<void> {
    if (!this.live) return;
    for (const rooms of chunksOf(this.rooms.values())) {
      const some = rooms.filter(({ started }) => started);
      const newest = await readNewest(connection, this.names, this.epoch, some);
      if (!this.live) return;
      this.#repair(newest, some, "check");
      this.advanceTo(newest.seq);
    }
  }

  #changeEpoch(newest: NewestPositions, before: Cursor): void {
    this.stats.renewals++;
    this.last = newest.seq;
    this.#acknowledged = 0;
    this.#held = this.#held.filter(([room, { seq }]) => seq > (newest.rooms.get(room.name) ?? 0));
    for (const room of this.rooms.values()) if (room.started) room.last = newest.rooms.get(room.name) ?? 0;
    this.onEpochChange(before);
    for (const room of this.rooms.values())
      if (!room.started && newest.rooms.has(room.name)) this.#start(room, newest);
  }

  #resume(newest: NewestPositions, rooms: Subscription[], doubt: number): void {
    this.#repair(newest, rooms, "reconnect", doubt > this.last);
    // Set only after the repair, because until then live sessions have received everything only up to the previous
    // position.
    this.last = Math.max(this.last, newest.seq);
    for (const room of rooms) if (!room.started) this.#start(room, newest);
  }

  /** @param all true if any room may have missed publications */
  #repair(
    { seq, rooms }: NewestPositions,
    some: Subscription[],
    by: "check" | "reconnect",
    all = false,
  ): void {
    for (const room of some) {
      const newest = rooms.get(room.name) ?? 0;
      const missed = all || (newest < 0 ? -newest > this.last : newest > room.last);
      if (!room.started || !missed || this.rooms.get(room.name) !== room) continue;
      this.stats.repairs[by]++;
      room.last = Math.max(newest, room.last);
      room.onStart(seq);
      room.onDelivered();
    }
  }

  async #join(connection: RedisConnection, rooms: Subscription[]): Promise<void> {
    if (rooms.length === 0) return;
    const newest = await this.#subscribe(connection, this.epoch, rooms);
    if (!this.live || this.currentConnection() !== connection) return;
    this.advanceTo(newest.seq);
    for (const room of rooms) if (this.rooms.get(room.name) === room) this.#start(room, newest);
  }

  /** Subscribes, then reads the positions. All later publications arrive as notifications. */
  async #subscribe(
    connection: RedisConnection,
    epoch: string,
    rooms: Subscription[],
  ): Promise<NewestPositions> {
    const subscribing = connection.subscribe(rooms.map(({ name }) => this.names.channel(epoch, name)));
    const [newest] = await Promise.all([readNewest(connection, this.names, epoch, rooms), subscribing]);
    return newest;
  }

  #start(room: Subscription, { seq, rooms }: NewestPositions): void {
    if (room.started) return;
    room.started = true;
    room.last = rooms.get(room.name) ?? 0;
    room.onStart(seq);
    for (const publication of room.early.splice(0)) this.#deliver(room, publication);
    room.onDelivered();
    room.starting.resolve();
  }

  /** Here a publication is delivered to its room on this node. */
  #deliver(room: Subscription, publication: Publication): void {
    const { seq, prev } = publication;
    if (seq <= room.last || this.rooms.get(room.name) !== room) return;
    if (seq > this.last) this.last = seq;
    // `last` is 0 for a room that was unknown.
    if (prev > room.last) {
      this.stats.repairs.prev++;
      room.onStart(prev);
    }
    room.last = seq;
    room.onPublication(publication);
    room.onDelivered();
  }
}
