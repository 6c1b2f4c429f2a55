// What this node writes of whom it sees: gathered for a tick, and written anew where it could not be written.
import type { PresenceSet } from "../../../rooms/presence/presence-set.ts";
import { START_GRACE, REPORT } from "./presence-scripts.ts";
import type { PresenceSubscription } from "./presence-subscription.ts";
import { chunks, type RedisConnection, type RedisReply } from "../redis-connection.ts";
import type { Script } from "../script.ts";

/** Changes are gathered for so long, in ms. */
const WRITE_INTERVAL_MS = 50;
/** So many users, or rooms, are written in one step. */
export const ITEMS_PER_WRITE = 500;

/** Runs a script of presence. */
export type RunScript = (
  connection: RedisConnection,
  script: Script,
  args: (string | number)[],
) => Promise<RedisReply>;

export class PresenceWriter {
  /** Under what name it is written. */
  source = "";
  /** Of which something is to be written. Some may be followed no more. */
  readonly #dirty = new Set<PresenceSubscription>();
  #timer: Timer | undefined;
  #closed = false;

  /**
   * @param currentConnection the connection on which this node has said that it is there
   * @param onError told when something could not be written: it is written again by the next `flush`
   */
  constructor(
    readonly rooms: ReadonlyMap<string, PresenceSubscription>,
    readonly currentConnection: () => RedisConnection | undefined,
    readonly run: RunScript,
    readonly onError: (connection: RedisConnection, error: Error) => void,
  ) {}

  /** Something else is so of a user of a room, or of its guests. */
  note(room: PresenceSubscription, user: string | undefined): void {
    room.dirty.add(user);
    this.#dirty.add(room);
    if (this.#timer || this.#closed) return;
    this.#timer = setTimeout(() => this.flush(), WRITE_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Writes what has gathered. Where there is no connection, the next one writes all. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const connection = this.currentConnection();
    if (connection)
      await Promise.all([...this.#dirty].map((room) => this.report(connection, this.#successor(room))));
  }

  /** Gathers no more. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Writes what has changed of a room. @param before the source whose guests these were */
  async report(connection: RedisConnection, room: PresenceSubscription, before = ""): Promise<void> {
    const { members, name } = room;
    const users = [...room.dirty];
    room.dirty.clear();
    this.#dirty.delete(room);
    const head = [name, members.limit, members.guestsHere, members.sessionsHere, before];
    try {
      await Promise.all(
        chunks(users, ITEMS_PER_WRITE).map((some) => {
          const said = some.flatMap((user) => (user === undefined ? [] : [user, textOf(members, user)]));
          return this.run(connection, REPORT, [this.source, ...head, ...said]);
        }),
      );
    } catch (error) {
      // What is so by then is written the next time.
      for (const user of users) room.dirty.add(user);
      this.#dirty.add(room);
      this.onError(connection, error as Error);
    }
  }

  /** Those whom it saw in these rooms count for a grace, and then no more. */
  async startGrace(connection: RedisConnection, rooms: [name: string, grace: number][]): Promise<void> {
    for (const some of chunks(rooms, ITEMS_PER_WRITE))
      await this.run(connection, START_GRACE, [this.source, ...some.flat()]);
  }

  /** Who speaks for a room now: one that is followed no more, or the next of its name, also for what was left to say. */
  #successor(room: PresenceSubscription): PresenceSubscription {
    const next = this.rooms.get(room.name);
    if (!next || next === room) return room;
    for (const user of room.dirty) next.dirty.add(user);
    this.#dirty.delete(room);
    return next;
  }
}

function textOf(members: PresenceSet, user: string): string {
  const seen = members.localReport(user);
  return seen ? JSON.stringify(seen) : "";
}
