// What comes from Redis for the rooms that are followed here: in order, complete, or known not to be.
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
  /** Everything up to this seq, of all rooms that are followed here, was given. */
  last = 0;
  /** The newest that was acknowledged: what was given may be older, when the connection broke in between. */
  #acknowledged = 0;
  /** Publications are given as they come. Else they are held, until it is clear what was missed. */
  live = false;
  onEpochChange: (before: Cursor) => void = () => {};
  readonly rooms = new Map<string, Subscription>();
  /** The life of the log that is subscribed to: while it is entered it is not known yet what was missed of it. */
  #entered = "";
  #held: [room: Subscription, publication: Publication][] = [];
  #joining: Subscription[] = [];

  /** @param onError told when rooms could not be followed */
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

  /** Follows a room, with all others of this turn. */
  subscribe(subscription: Subscription): void {
    this.rooms.set(subscription.name, subscription);
    if (this.#joining.push(subscription) === 1) queueMicrotask(() => this.join());
  }

  /** Follows the rooms that were asked for so far. Where there is no connection, the next one does. */
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

  /** A notification. False when it is of no room. */
  take(channel: string, message: Buffer): boolean {
    const name = this.names.roomOf(this.#entered, channel);
    if (name === undefined) return false;
    const room = this.rooms.get(name);
    if (room && message.length > 0) this.#take(room, message);
    else if (room) this.onForget?.(name);
    return true;
  }

  #take(room: Subscription, message: Buffer): void {
    const publication = decode(room.name, message);
    if (!room.started) room.early.push(publication);
    else if (this.live) this.#give(room, publication);
    else this.#held.push([room, publication]);
  }

  /** A reply says that the log is at this seq: all notifications of before have come. */
  reached(seq: number): void {
    if (this.live && seq > this.last) this.last = seq;
  }

  /** A publication was acknowledged. If Redis does not have it later, Redis has lost something. */
  acknowledged(seq: number): void {
    if (seq > this.#acknowledged) this.#acknowledged = seq;
  }

  /** The connection is gone: what comes next may leave something out. */
  down(): void {
    this.live = false;
    this.#forgetHeld();
  }

  /** What came and was not given yet is read again, or was of another life of the log. */
  #forgetHeld(): void {
    this.#held = [];
    for (const room of this.rooms.values()) {
      room.early = [];
      room.release();
    }
  }

  /** The newest that anybody may have had from this node. */
  get seen(): Cursor {
    return { epoch: this.epoch, seq: Math.max(this.last, this.#acknowledged) };
  }

  /** Enters the log on a new connection, or again on one, and finds out what was missed. */
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
    for (const [room, publication] of held) this.#give(room, publication);
    this.reached(newest.seq);
    this.join();
  }

  /** Asks what the newest of every room is. What is newer than what was given was missed. */
  async check(connection: RedisConnection): Promise<void> {
    if (!this.live) return;
    for (const rooms of chunksOf(this.rooms.values())) {
      const some = rooms.filter(({ started }) => started);
      const newest = await readNewest(connection, this.names, this.epoch, some);
      if (!this.live) return;
      this.#repair(newest, some, "check");
      this.reached(newest.seq);
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
    // Only now: what was live in other rooms had everything up to what it was.
    this.last = Math.max(this.last, newest.seq);
    for (const room of rooms) if (!room.started) this.#start(room, newest);
  }

  /** @param all whether any room may have missed something */
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
      room.given();
    }
  }

  async #join(connection: RedisConnection, rooms: Subscription[]): Promise<void> {
    if (rooms.length === 0) return;
    const newest = await this.#subscribe(connection, this.epoch, rooms);
    if (!this.live || this.currentConnection() !== connection) return;
    this.reached(newest.seq);
    for (const room of rooms) if (this.rooms.get(room.name) === room) this.#start(room, newest);
  }

  /** First the subscription, then the question: what is newer than the answer comes as a notification. */
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
    for (const publication of room.early.splice(0)) this.#give(room, publication);
    room.given();
    room.starting.resolve();
  }

  /** Here a publication is given to those who follow its room. */
  #give(room: Subscription, publication: Publication): void {
    const { seq, prev } = publication;
    if (seq <= room.last || this.rooms.get(room.name) !== room) return;
    if (seq > this.last) this.last = seq;
    // A room of which nothing was known begins at 0.
    if (prev > room.last) {
      this.stats.repairs.prev++;
      room.onStart(prev);
    }
    room.last = seq;
    room.onPublication(publication);
    room.given();
  }
}
