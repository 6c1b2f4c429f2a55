// What this node writes of whom it sees: gathered for a tick, and written anew where it could not be written.
import type { Members } from "../../../rooms/presence/presence-set.ts";
import { PART, SAY } from "./presence-scripts.ts";
import type { FollowedCrowd } from "./presence-subscription.ts";
import { chunks, type Link, type Reply } from "../redis-connection.ts";
import type { Script } from "../script.ts";

/** Changes are gathered for so long, in ms. */
const TICK = 50;
/** So many users, or rooms, are written in one step. */
export const STEP = 500;

/** Runs a script of presence. */
export type Run = (link: Link, script: Script, args: (string | number)[]) => Promise<Reply>;

export class CrowdWriter {
  /** Under what name it is written. */
  source = "";
  /** Of which something is to be written. Some may be followed no more. */
  readonly #dirty = new Set<FollowedCrowd>();
  #timer: Timer | undefined;
  #closed = false;

  /**
   * @param link the connection on which this node has said that it is there
   * @param onError told when something could not be written: it is written again by the next `flush`
   */
  constructor(
    readonly rooms: ReadonlyMap<string, FollowedCrowd>,
    readonly link: () => Link | undefined,
    readonly run: Run,
    readonly onError: (link: Link, error: Error) => void,
  ) {}

  /** Something else is so of a user of a room, or of its guests. */
  note(room: FollowedCrowd, user: string | undefined): void {
    room.dirty.add(user);
    this.#dirty.add(room);
    if (this.#timer || this.#closed) return;
    this.#timer = setTimeout(() => this.flush(), TICK);
    this.#timer.unref();
  }

  /** Writes what has gathered. Where there is no connection, the next one writes all. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const link = this.link();
    if (link) await Promise.all([...this.#dirty].map((room) => this.say(link, this.#successor(room))));
  }

  /** Gathers no more. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Writes what has changed of a room. @param before the source whose guests these were */
  async say(link: Link, room: FollowedCrowd, before = ""): Promise<void> {
    const { members, name } = room;
    const users = [...room.dirty];
    room.dirty.clear();
    this.#dirty.delete(room);
    const head = [name, members.limit, members.guestsHere, members.sessionsHere, before];
    try {
      await Promise.all(
        chunks(users, STEP).map((some) => {
          const said = some.flatMap((user) => (user === undefined ? [] : [user, textOf(members, user)]));
          return this.run(link, SAY, [this.source, ...head, ...said]);
        }),
      );
    } catch (error) {
      // What is so by then is written the next time.
      for (const user of users) room.dirty.add(user);
      this.#dirty.add(room);
      this.onError(link, error as Error);
    }
  }

  /** Those whom it saw in these rooms count for a grace, and then no more. */
  async part(link: Link, rooms: [name: string, grace: number][]): Promise<void> {
    for (const some of chunks(rooms, STEP)) await this.run(link, PART, [this.source, ...some.flat()]);
  }

  /** Who speaks for a room now: one that is followed no more, or the next of its name, also for what was left to say. */
  #successor(room: FollowedCrowd): FollowedCrowd {
    const next = this.rooms.get(room.name);
    if (!next || next === room) return room;
    for (const user of room.dirty) next.dirty.add(user);
    this.#dirty.delete(room);
    return next;
  }
}

function textOf(members: Members, user: string): string {
  const seen = members.here(user);
  return seen ? JSON.stringify(seen) : "";
}
