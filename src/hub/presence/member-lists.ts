// Who is in a room, as requests are answered: built once however many ask, and a large room's list a slice per tick.
import type { ClusterPresence } from "../../log/peers.ts";
import { PresenceSet } from "../../rooms/presence/presence-set.ts";
import { DEFAULT_PRESENCE, type PresenceRule } from "../../rooms/rule.ts";
import { governor } from "../../scheduling/governor.ts";
import { TickSlice } from "../../scheduling/tick-slice.ts";
import type { Room } from "../room.ts";
import type { Session } from "../session.ts";

/** Rooms with at most this many sessions are listed at once, as they are now. */
const MAX_INLINE_SESSIONS = 100;
/** The list of a larger room may be as many ms old as it has sessions, but at most this; one from Redis at least that. */
const MAX_AGE_MS = 1000;
const CLUSTER_MAX_AGE_MS = 50;
/** The most sessions that are looked at in one tick. */
const SESSIONS_PER_TICK = 1000;
/** The most characters of lists that are remembered. */
const MAX_CACHED_CHARACTERS = 8 << 20;

/** What a list is made from: its `changes` differ whenever the list may. */
interface Source {
  readonly changes: number;
}

interface CachedList {
  readonly source: Source | undefined;
  readonly changes: number;
  text: string | Promise<string>;
  /** Until when it is good whatever has changed, in ms; infinite while it is being built. */
  until: number;
}

export class MemberLists {
  /** How many sessions and users were looked at to build lists. */
  looks = 0;
  /** By room, the newest last. */
  readonly #lists = new Map<string, CachedList>();
  #characters = 0;

  constructor(readonly now: () => number) {}

  /** The characters of all lists that are remembered. */
  get remembered(): number {
    return this.#characters;
  }

  /** A room with presence. */
  ofMembers(name: string, members: PresenceSet): string | Promise<string> {
    return this.#remembered(name, members, members.sessions, () => {
      this.looks += Math.min(members.users, members.limit);
      return members.list;
    });
  }

  /** A room by its sessions here, where nothing keeps who is present. */
  ofRoom(name: string, room: Room | undefined, rule = DEFAULT_PRESENCE): string | Promise<string> {
    const count = room?.members.size ?? 0;
    return this.#remembered(name, room, count, () => {
      const members = new PresenceSet(rule);
      if (count > MAX_INLINE_SESSIONS) return this.#gather(room, members).then(() => members.list);
      for (const { session } of room?.members ?? []) this.#report(members, session);
      return members.list;
    });
  }

  /** A room with presence in which nobody is present here: asks the other nodes. @throws ThumpError `unavailable` */
  ofNodes(
    name: string,
    room: Room | undefined,
    rule: PresenceRule,
    clusterPresence: ClusterPresence,
  ): string | Promise<string> {
    const members = new PresenceSet(rule);
    const ask = async () => {
      await this.#gather(room, members);
      await clusterPresence.read(name, members);
      return members.list;
    };
    return this.#remembered(name, undefined, CLUSTER_MAX_AGE_MS, ask, true);
  }

  /** @param sessions how many there are in the room @param always remember it even if the room is small */
  #remembered(
    name: string,
    source: Source | undefined,
    sessions: number,
    build: () => string | Promise<string>,
    always = false,
  ): string | Promise<string> {
    const large = always || sessions > MAX_INLINE_SESSIONS;
    if (!large) {
      this.#forget(name);
      return build();
    }
    const known = this.#lists.get(name);
    const unchanged = source !== undefined && known?.source === source && known.changes === source.changes;
    if (known && (unchanged || this.now() < known.until)) return known.text;
    const text = build();
    this.#forget(name);
    const until = Number.POSITIVE_INFINITY;
    const listed: CachedList = { source, changes: source?.changes ?? 0, text, until };
    this.#lists.set(name, listed);
    const done = (built: string) => {
      if (this.#lists.get(name) !== listed) return;
      listed.text = built;
      listed.until = this.now() + Math.min(MAX_AGE_MS, sessions);
      this.#characters += built.length;
      this.#bound();
    };
    const failed = () => void (this.#lists.get(name) === listed && this.#forget(name));
    if (text instanceof Promise) text.then(done, failed);
    else done(text);
    return text;
  }

  /** Adds a room's sessions, a slice per tick. */
  async #gather(room: Room | undefined, members: PresenceSet): Promise<void> {
    if (!room) return;
    let slice = new TickSlice(SESSIONS_PER_TICK, undefined, await governor.next());
    for (const { session } of room.members) {
      if (!slice.take()) {
        slice = new TickSlice(SESSIONS_PER_TICK, undefined, await governor.next());
        slice.take();
      }
      this.#report(members, session);
    }
  }

  #report(members: PresenceSet, session: Session): void {
    this.looks++;
    if (session.countsAsPresent && !session.ended) reportSession(members, session);
  }

  #forget(name: string): void {
    const known = this.#lists.get(name);
    if (!known) return;
    this.#lists.delete(name);
    if (typeof known.text === "string") this.#characters -= known.text.length;
  }

  #bound(): void {
    for (const name of this.#lists.keys()) {
      if (this.#characters <= MAX_CACHED_CHARACTERS) return;
      this.#forget(name);
    }
  }
}

/** A session of this process is a source of its own. @param at since when it says what it says, in ms since 1970 */
export function reportSession(members: PresenceSet, { id, identity, since }: Session, at = since): void {
  const { user, info } = identity;
  members.report(id, { user, info, since, sessions: 1, at });
}
