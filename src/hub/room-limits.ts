// Bounds the rooms that clients open: those that somebody is in, in all and by who opened them, and those that an address
// published to lately.
import { ThumpError } from "../protocol/codes.ts";
import type { Retention } from "../rooms/rule.ts";
import { Rounds } from "../scheduling/tick-slice.ts";
import type { Room } from "./room.ts";
import type { Session } from "./session.ts";

/** When to try again, in ms; up to twice as long, so that not all come back at once. */
const RETRY_MS = 5000;
/** A room counts as published to for as long as the log keeps something of it, but at most for this time. */
const PUBLISHED_TTL_MS = 3_600_000;
/** Rooms whose time may be over that are looked at for each new one; and before somebody is refused. */
const ENTRIES_PER_CHECK = 4;
const ENTRIES_BEFORE_REFUSAL = 1000;

/** Who opens rooms. What is absent is not counted. */
export interface RoomOpener {
  /** The key of its address for limits. */
  readonly addressKey?: string | undefined;
  readonly user?: string | undefined;
}

interface RoomOwner {
  readonly scope: "address" | "user";
  readonly name: string;
  count: number;
}

/** A room that counts for somebody. */
interface CountedRoom {
  owners: RoomOwner[];
  /** Who pays for it of those who are in it: a session, or one that is not counted. Undefined if nobody is in it. */
  by: object | undefined;
  /** It counts until then even if nobody is in it, in ms. */
  until: number;
}

export class RoomLimits {
  /** How often a room was refused, by whose limit it was. */
  readonly refused = { all: 0, address: 0, user: 0 };
  /** A monotonic clock, in ms. */
  now: () => number = () => performance.now();
  readonly #opened = new Map<string, CountedRoom>();
  readonly #owners = { address: new Map<string, RoomOwner>(), user: new Map<string, RoomOwner>() };
  readonly #rounds = new Rounds(() => this.#opened);

  /**
   * Both numbers may be replaced while the server runs.
   * @param rooms those that somebody is in
   * @param max of them in all @param perOwner of them that one address, or one user, may have opened
   * @param remembered how long the log keeps something of any room that was published to, in ms
   */
  constructor(
    readonly rooms: ReadonlyMap<string, Room>,
    public max: number,
    public perOwner: number,
    readonly remembered = 0,
  ) {}

  /** How many rooms count for somebody. */
  get counted(): number {
    return this.#opened.size;
  }

  /** Whether rooms may be entered. @throws ThumpError `busy` */
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

  /** A room that nobody was in is entered. */
  enter(name: string, session: Session): void {
    const known = this.#opened.get(name);
    if (known) known.by = session;
    else this.#add(name, { owners: this.#charge(openerOf(session)), by: session, until: 0 });
  }

  /** A session has left a room. @param next somebody who is still in it: who came first no longer pays for it */
  leave(name: string, session: Session, next: Session | undefined): void {
    const known = this.#opened.get(name);
    if (!known || (next && known.by !== session)) return;
    known.by = next;
    if (known.until > this.now()) return;
    this.#discharge(known);
    if (next) known.owners = this.#charge(openerOf(next));
    if (known.owners.length === 0) this.#opened.delete(name);
  }

  /** A publication to a room is about to be kept. @throws ThumpError `busy` */
  publish({ addressKey }: RoomOpener, name: string, retention: Retention): void {
    const kept = Math.max(retention.count > 0 ? retention.age : 0, this.remembered);
    if (addressKey === undefined || kept === 0) return;
    const until = this.now() + Math.min(kept, PUBLISHED_TTL_MS);
    const known = this.#opened.get(name);
    if (known) {
      known.until = Math.max(known.until, until);
      return;
    }
    if (this.#opened.size >= this.max && !this.#makeRoom()) throw this.#refuse("all", this.max);
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

  #makeRoom(): boolean {
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

  /** Forgets rooms whose time is over, of the next few. */
  #sweep(looks: number): void {
    const now = this.now();
    for (const [name, opened] of this.#rounds.next(looks)) {
      if (opened.by || opened.until > now) continue;
      this.#discharge(opened);
      this.#opened.delete(name);
    }
  }

  #refuse(whose: "all" | "address" | "user", max: number): ThumpError {
    this.refused[whose]++;
    const retry = RETRY_MS + Math.floor(Math.random() * RETRY_MS);
    const what =
      whose === "all"
        ? `All ${max} rooms that may be in use at a time are.`
        : `One ${whose} may have opened ${max} rooms. Leave some.`;
    return new ThumpError("busy", `${what} Try again in ${retry} ms.`, undefined, retry);
  }
}

export function openerOf({ addressKey, identity: { user } }: Session): RoomOpener {
  return { addressKey, user };
}
