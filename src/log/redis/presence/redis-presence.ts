// Presence across nodes: each node writes its reports under a lease, and applies changes from other nodes.
import type { PresenceSet } from "../../../rooms/presence/presence-set.ts";
import { HYSTERESIS, MAX_LIST_BYTES } from "../../../rooms/presence/presence-diff.ts";
import type { ClusterPresence } from "../../peers.ts";
import { END_NODE, EXPIRE, READ_PRESENCE, PRESENT_ROOMS } from "./presence-scripts.ts";
import { PresenceWriter, type RunScript, ITEMS_PER_WRITE } from "./presence-writer.ts";
import { type PresenceChange, PresenceSubscription, parsePresenceState } from "./presence-subscription.ts";
import type { RedisConnection, RunWhenReady } from "../redis-connection.ts";
import type { KeyNames } from "../key-names.ts";

/**
 * The maximum size of the reports to read for a room, in bytes. Larger than the limit for a list, because several nodes
 * may report the same user.
 */
const MAX_READ_BYTES = 2 * MAX_LIST_BYTES;

export class RedisPresence implements ClusterPresence {
  readonly #rooms = new Map<string, PresenceSubscription>();
  #joining: PresenceSubscription[] = [];
  /**
   * Each connection is a separate source. A source's reports are removed after its successor has written all reports.
   */
  readonly #writer: PresenceWriter;
  #connections = 0;
  /** The connection that holds the lease. */
  #active: RedisConnection | undefined;
  #entering: RedisConnection | undefined;
  /** Time of the last renewal of the lease. */
  #renewed = performance.now();
  /** The number of the newest change in Redis, and the time when a loss was last detected. */
  #newest = 0;
  #lost = Number.NEGATIVE_INFINITY;
  #reloading = false;
  #closed = false;
  readonly #refreshing: Timer;
  readonly #run: RunScript = (connection, script, args) => {
    const keys = ["sources", "leaving", "changes"].map((name) => this.names.shared(name));
    return connection.eval(script, keys, [this.names.shared(""), ...args]);
  };

  /** @param lease the time without renewal after which a node counts as gone, in ms */
  constructor(
    readonly node: string,
    readonly names: KeyNames,
    readonly currentConnection: () => RedisConnection | undefined,
    readonly runWhenReady: RunWhenReady,
    readonly lease: number,
  ) {
    this.#writer = new PresenceWriter(
      this.#rooms,
      () => (this.#active === this.currentConnection() ? this.#active : undefined),
      this.#run,
      (where, error) => this.#failed(where, error),
    );
    this.#refreshing = setInterval(() => void this.#refresh(), lease / 3);
    this.#refreshing.unref();
  }

  subscribe(name: string, members: PresenceSet, onChange: () => void): Promise<void> {
    const room = new PresenceSubscription(name, members, onChange, (source) =>
      source.startsWith(`${this.node}/`),
    );
    this.#rooms.set(name, room);
    for (const user of members.localUsers()) this.changed(name, user);
    if (members.guestsHere > 0) this.changed(name, undefined);
    if (this.#joining.push(room) === 1) queueMicrotask(() => this.#join());
    return room.started.promise;
  }

  unsubscribe(name: string): void {
    const room = this.#rooms.get(name);
    if (!room) return;
    const connection = this.#active;
    if (connection && room.dirty.size > 0) this.#writer.report(connection, room);
    this.#rooms.delete(name);
    room.started.resolve();
    this.currentConnection()?.unsubscribe([this.names.presence(name)]);
    // A new rule has disabled presence. The users are still in the room but are no longer reported.
    if (connection && !room.members.isEmpty) void this.#retract(connection, name);
  }

  changed(name: string, user: string | undefined): void {
    const room = this.#rooms.get(name);
    if (room) this.#writer.note(room, user);
  }

  async read(name: string, members: PresenceSet): Promise<void> {
    const reply = await this.runWhenReady((connection) =>
      this.#run(connection, READ_PRESENCE, [name, members.limit, MAX_READ_BYTES]),
    );
    new PresenceSubscription(
      name,
      members,
      () => {},
      () => false,
    ).replace(parsePresenceState(reply), true);
  }

  /** Processes a notification. Returns false if the channel does not belong to presence. */
  receive(channel: string, text: string): boolean {
    const name = this.names.presenceOf(channel);
    if (name === undefined) return false;
    const room = this.#rooms.get(name);
    if (!room) return true;
    const change = JSON.parse(text) as PresenceChange;
    this.#newest = Math.max(this.#newest, change[0]);
    const connection = this.currentConnection();
    if (!room.apply(change) && connection) void this.#read(connection, room);
    return true;
  }

  /** Starts on a new connection, or restarts after a lost lease. Writes and reads everything. */
  async enter(connection: RedisConnection): Promise<void> {
    if (this.#closed || this.#entering === connection) return;
    this.#entering = connection;
    this.#active = undefined;
    try {
      const before = this.#writer.source;
      const source = `${this.node}/${++this.#connections}`;
      const newest = Number(await this.#run(connection, PRESENT_ROOMS, [source, this.lease, 1]));
      if (this.currentConnection() !== connection) return;
      if (newest < this.#newest) this.#lost = performance.now();
      this.#newest = newest;
      this.#writer.source = source;
      this.#renewed = performance.now();
      this.#active = connection;
      this.#joining = [];
      const rooms = [...this.#rooms.values()];
      const subscribing = connection.subscribe(rooms.map(({ name }) => this.names.presence(name)));
      const reports = rooms.map((room) => {
        for (const user of room.members.localUsers()) room.dirty.add(user);
        room.dirty.add(undefined);
        return this.#writer.report(connection, room, before);
      });
      await Promise.all([subscribing, ...reports, ...rooms.map((room) => this.#read(connection, room))]);
      if (before !== "") await this.#run(connection, END_NODE, [before]);
      await this.#sweep(connection);
    } catch (error) {
      this.#failed(connection, error as Error);
    } finally {
      if (this.#entering === connection) this.#entering = undefined;
    }
  }

  /**
   * Removes this node. Its users stay present during their grace period, and may reconnect to another node during that
   * time.
   */
  async leave(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#refreshing);
    this.#writer.close();
    const connection = this.#active;
    if (!connection || connection !== this.currentConnection()) return;
    await this.#writer.flush();
    await this.#writer.startGrace(
      connection,
      [...this.#rooms.values()].map(({ name, members }) => [name, members.rule.grace]),
    );
    await this.#run(connection, END_NODE, [this.#writer.source]);
    await this.#sweep(connection);
  }

  /**
   * Subscribes to the rooms requested in this tick. If there is no connection, the next connection subscribes to them.
   */
  #join(): void {
    const connection = this.currentConnection();
    const rooms = this.#joining.filter((room) => this.#rooms.get(room.name) === room);
    if (!connection || rooms.length === 0) return;
    this.#joining = [];
    connection
      .subscribe(rooms.map(({ name }) => this.names.presence(name)))
      .catch((error: unknown) => this.#failed(connection, error as Error));
    for (const room of rooms) void this.#read(connection, room);
  }

  /** Reads the presence of a subscribed room. All later changes arrive as notifications. */
  async #read(connection: RedisConnection, room: PresenceSubscription): Promise<void> {
    const early: PresenceChange[] = [];
    room.early = early;
    try {
      const state = parsePresenceState(
        await this.#run(connection, READ_PRESENCE, [room.name, room.members.limit, MAX_READ_BYTES]),
      );
      // A different connection is reading the room, or has read it.
      if (room.early !== early || this.#rooms.get(room.name) !== room) return;
      room.early = undefined;
      room.replace(state, performance.now() - this.#lost > this.lease);
      for (const change of early) if (!room.apply(change)) return void this.#read(connection, room);
    } catch (error) {
      if (room.early !== early) return;
      room.early = undefined;
      room.stale = true;
      this.#failed(connection, error as Error);
    } finally {
      if (room.early === undefined) room.started.resolve();
    }
  }

  /** Renews the lease, removes expired sources, and retries failed operations. */
  async #refresh(): Promise<void> {
    const connection = this.currentConnection();
    const now = performance.now();
    if (now - this.#renewed > this.lease) for (const room of this.#rooms.values()) room.dropAll();
    if (!connection || this.#entering === connection) return;
    if (this.#active !== connection) return this.enter(connection);
    try {
      await this.#run(connection, PRESENT_ROOMS, [this.#writer.source, this.lease, 0]);
      this.#renewed = performance.now();
      await this.#sweep(connection);
    } catch (error) {
      return this.#failed(connection, error as Error);
    }
    const recovered = now - this.#lost > this.lease && this.#lost > 0;
    if (recovered) this.#lost = Number.NEGATIVE_INFINITY;
    for (const room of this.#rooms.values()) {
      const { members, stale, early } = room;
      const fitsAgain = members.partial && members.users <= members.limit * HYSTERESIS;
      if (!early && (stale || recovered || fitsAgain)) void this.#read(connection, room);
    }
    void this.#writer.flush();
  }

  /** Removes this node's reports from a room. */
  async #retract(connection: RedisConnection, name: string): Promise<void> {
    try {
      await this.#writer.startGrace(connection, [[name, 0]]);
      await this.#sweep(connection);
    } catch {
      this.#renew(connection);
    }
  }

  async #sweep(connection: RedisConnection): Promise<void> {
    while (Number(await this.#run(connection, EXPIRE, [ITEMS_PER_WRITE])) > 0) {
      // Runs in several steps, so that Redis can serve other clients between the steps.
    }
  }

  /** Handles an error now if possible. Other errors are handled by the next refresh or on the next connection. */
  #failed(connection: RedisConnection, { message }: Error): void {
    if (this.currentConnection() !== connection || this.#closed) return;
    if (message.startsWith("NOSCRIPT")) this.#reload(connection);
    else if (message.startsWith("GONE")) this.#renew(connection);
  }

  /** Loads the scripts again after they have been flushed. */
  #reload(connection: RedisConnection): void {
    if (this.#reloading) return;
    this.#reloading = true;
    connection
      .reload()
      .then(() => this.#refresh())
      .catch(() => {
        // The connection broke. The next connection loads the scripts.
      })
      .finally(() => (this.#reloading = false));
  }

  /** Enters again, because other nodes may have been notified that this node is gone. */
  #renew(connection: RedisConnection): void {
    if (this.#active === connection) void this.enter(connection);
  }
}
