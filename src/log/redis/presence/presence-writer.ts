// Writes this node's presence reports. Collects changes for a short time, and writes them again if a write fails.
import type { PresenceSet } from "../../../rooms/presence/presence-set.ts";
import { START_GRACE, REPORT } from "./presence-scripts.ts";
import type { PresenceSubscription } from "./presence-subscription.ts";
import { chunks, type RedisConnection, type RedisReply } from "../redis-connection.ts";
import type { Script } from "../script.ts";

/** Changes are collected for this time before they are written, in ms. */
const WRITE_INTERVAL_MS = 50;
/** The maximum number of users or rooms per command. */
export const ITEMS_PER_WRITE = 500;

/** Runs a presence script. */
export type RunScript = (
  connection: RedisConnection,
  script: Script,
  args: (string | number)[],
) => Promise<RedisReply>;

export class PresenceWriter {
  /** The name of the source under which reports are written. */
  source = "";
  /** Rooms with unwritten changes. Some may no longer be subscribed to. */
  readonly #dirty = new Set<PresenceSubscription>();
  #timer: Timer | undefined;
  #closed = false;

  /**
   * @param currentConnection the connection with this node's lease
   * @param onError called when a write has failed; the next `flush` repeats the write
   */
  constructor(
    readonly rooms: ReadonlyMap<string, PresenceSubscription>,
    readonly currentConnection: () => RedisConnection | undefined,
    readonly run: RunScript,
    readonly onError: (connection: RedisConnection, error: Error) => void,
  ) {}

  /** Records a change to a user in a room, or to the room's guests. */
  note(room: PresenceSubscription, user: string | undefined): void {
    room.dirty.add(user);
    this.#dirty.add(room);
    if (this.#timer || this.#closed) return;
    this.#timer = setTimeout(() => this.flush(), WRITE_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Writes all changes. If there is no connection, all changes are written on the next connection. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const connection = this.currentConnection();
    if (connection)
      await Promise.all([...this.#dirty].map((room) => this.report(connection, this.#successor(room))));
  }

  /** Stops collecting changes. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /**
   * Writes the changes of a room.
   * @param before the source that previously reported the guests
   */
  async report(connection: RedisConnection, room: PresenceSubscription, before = ""): Promise<void> {
    const { members, name } = room;
    const users = [...room.dirty];
    room.dirty.clear();
    this.#dirty.delete(room);
    const head = [name, members.limit, members.guestsHere, members.sessionsHere, before];
    try {
      await Promise.all(
        chunks(users, ITEMS_PER_WRITE).map((some) => {
          const reports = some.flatMap((user) => (user === undefined ? [] : [user, textOf(members, user)]));
          return this.run(connection, REPORT, [this.source, ...head, ...reports]);
        }),
      );
    } catch (error) {
      // Mark the users as changed again. The next write sends their latest state.
      for (const user of users) room.dirty.add(user);
      this.#dirty.add(room);
      this.onError(connection, error as Error);
    }
  }

  /** Starts the grace period for all users that this source reports in the rooms. */
  async startGrace(connection: RedisConnection, rooms: [name: string, grace: number][]): Promise<void> {
    for (const some of chunks(rooms, ITEMS_PER_WRITE))
      await this.run(connection, START_GRACE, [this.source, ...some.flat()]);
  }

  /**
   * Returns the subscription that now writes a room's changes: the given one, or a later subscription to the same room,
   * which takes over the unwritten changes.
   */
  #successor(room: PresenceSubscription): PresenceSubscription {
    const next = this.rooms.get(room.name);
    if (!next || next === room) return room;
    for (const user of room.dirty) next.dirty.add(user);
    this.#dirty.delete(room);
    return next;
  }
}

function textOf(members: PresenceSet, user: string): string {
  const report = members.localReport(user);
  return report ? JSON.stringify(report) : "";
}
