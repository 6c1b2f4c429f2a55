// Room limits: limits the number of open rooms, in total and per address or user. Also limits the number of rooms that
// an address has recently published to.
import { ThumpError } from "../protocol/codes.ts";
import type { Retention } from "../rooms/rule.ts";
import { Rounds } from "../scheduling/tick-slice.ts";
import type { Room } from "./room.ts";
import type { Session } from "./session.ts";

/**
 * The minimum retry delay sent to a client, in ms. The actual delay is random, up to twice this value, to spread out
 * the retries.
 */
const RETRY_MS = 5000;
/** A room counts as recently published to while the log stores data for it, up to this maximum time. */
const PUBLISHED_TTL_MS = 3_600_000;
/** The number of entries checked for expiry whenever an entry is added. */
const ENTRIES_PER_CHECK = 4;
/** The number of entries checked for expiry before a client is refused. */
const ENTRIES_BEFORE_REFUSAL = 1000;

/** The owners of the rooms that a session opens: an address and a user. An undefined field is not counted. */
export interface RoomOpener {
  /** The rate-limit key for the client address. */
  readonly addressKey?: string | undefined;
  readonly user?: string | undefined;
}

interface RoomOwner {
  readonly scope: "address" | "user";
  readonly name: string;
  count: number;
}

/** A room that counts against its owners' limits. */
interface CountedRoom {
  owners: RoomOwner[];
  /**
   * The member whose owners are charged for the room: a session, or a placeholder if the session has no owners.
   * Undefined if the room has no members.
   */
  by: object | undefined;
  /** The room counts until this time even without members, on the `RoomLimits.now` clock. */
  until: number;
}

export class RoomLimits {
  /** The number of refusals per limit. */
  readonly refused = { all: 0, address: 0, user: 0 };
  /** A monotonic clock, in ms. */
  now: () => number = () => performance.now();
  readonly #opened = new Map<string, CountedRoom>();
  readonly #owners = { address: new Map<string, RoomOwner>(), user: new Map<string, RoomOwner>() };
  readonly #rounds = new Rounds(() => this.#opened);

  /**
   * @param rooms the open rooms
   * @param max the maximum number of open rooms; may be changed at any time
   * @param perOwner the maximum number of rooms opened by one address or user; may be changed at any time
   * @param logMemoryMs the time, in ms, for which the log stores data for a room after each publication
   */
  constructor(
    readonly rooms: ReadonlyMap<string, Room>,
    public max: number,
    public perOwner: number,
    readonly logMemoryMs = 0,
  ) {}

  /** The number of rooms that count against an owner's limit. */
  get counted(): number {
    return this.#opened.size;
  }

  /** Checks whether the opener may enter the rooms. @throws ThumpError `busy` */
  check(opener: RoomOpener, names: Iterable<string>): void {
    let fresh = 0;
    let uncounted = 0;
    for (const name of names) {
      if (this.rooms.has(name)) continue;
      fresh++;
      if (!this.#opened.has(name)) uncounted++;
    }
    if (fresh === 0) return;
    if (this.rooms.size + fresh > this.max) throw this.#refuse("all", this.max);
    this.#checkOwners(opener, uncounted);
  }

  /** Called when a session enters a room that had no members. */
  enter(name: string, session: Session): void {
    const known = this.#opened.get(name);
    if (known) known.by = session;
    else this.#add(name, { owners: this.#charge(openerOf(session)), by: session, until: 0 });
  }

  /**
   * Called when a session has left a room. @param next a remaining member, whose owners are now charged for the room
   */
  leave(name: string, session: Session, next: Session | undefined): void {
    const known = this.#opened.get(name);
    if (!known || (next && known.by !== session)) return;
    known.by = next;
    if (known.until > this.now()) return;
    this.#discharge(known);
    if (next) known.owners = this.#charge(openerOf(next));
    if (known.owners.length === 0) this.#opened.delete(name);
  }

  /** Counts a room that is about to be published to. @throws ThumpError `busy` */
  publish({ addressKey }: RoomOpener, name: string, retention: Retention): void {
    const storedMs = Math.max(retention.count > 0 ? retention.age : 0, this.logMemoryMs);
    if (addressKey === undefined || storedMs === 0) return;
    const until = this.now() + Math.min(storedMs, PUBLISHED_TTL_MS);
    const known = this.#opened.get(name);
    if (known) {
      known.until = Math.max(known.until, until);
      return;
    }
    if (this.#opened.size >= this.max && !this.#freeEntry()) throw this.#refuse("all", this.max);
    this.#checkOwners({ addressKey }, 1);
    const by = this.rooms.has(name) ? {} : undefined;
    this.#add(name, { owners: this.#charge({ addressKey }), by, until });
  }

  #checkOwners({ addressKey, user }: RoomOpener, more: number): void {
    if (more === 0) return;
    for (const [scope, name] of [["address", addressKey] as const, ["user", user] as const]) {
      const count = () => (name === undefined ? 0 : (this.#owners[scope].get(name)?.count ?? 0));
      if (count() + more <= this.perOwner) continue;
      this.#sweep(ENTRIES_BEFORE_REFUSAL);
      if (name !== undefined && count() + more > this.perOwner) throw this.#refuse(scope, this.perOwner);
    }
  }

  #freeEntry(): boolean {
    this.#sweep(ENTRIES_BEFORE_REFUSAL);
    return this.#opened.size < this.max;
  }

  #add(name: string, opened: CountedRoom): void {
    if (opened.owners.length === 0) return;
    this.#opened.set(name, opened);
    this.#sweep(ENTRIES_PER_CHECK);
  }

  #charge({ addressKey, user }: RoomOpener): RoomOwner[] {
    const owners: RoomOwner[] = [];
    if (addressKey !== undefined) owners.push(this.#ownerOf("address", addressKey));
    if (user !== undefined) owners.push(this.#ownerOf("user", user));
    for (const owner of owners) owner.count++;
    return owners;
  }

  #ownerOf(scope: RoomOwner["scope"], name: string): RoomOwner {
    const owners = this.#owners[scope];
    const owner = owners.get(name) ?? { scope, name, count: 0 };
    owners.set(name, owner);
    return owner;
  }

  #discharge(opened: CountedRoom): void {
    for (const owner of opened.owners) if (--owner.count === 0) this.#owners[owner.scope].delete(owner.name);
    opened.owners = [];
  }

  /** Checks the next few rooms and removes the expired ones. */
  #sweep(count: number): void {
    const now = this.now();
    for (const [name, opened] of this.#rounds.next(count)) {
      if (opened.by || opened.until > now) continue;
      this.#discharge(opened);
      this.#opened.delete(name);
    }
  }

  #refuse(scope: "all" | "address" | "user", max: number): ThumpError {
    this.refused[scope]++;
    const retry = RETRY_MS + Math.floor(Math.random() * RETRY_MS);
    const what =
      scope === "all"
        ? `The limit of ${max} rooms in use has been reached.`
        : `The limit of ${max} rooms opened by one ${scope} has been reached. Leave some rooms.`;
    return new ThumpError("busy", `${what} Try again in ${retry} ms.`, undefined, retry);
  }
}

/** Returns the owners of the rooms that a session opens. */
export function openerOf({ addressKey, identity: { user } }: Session): RoomOpener {
  return { addressKey, user };
}
