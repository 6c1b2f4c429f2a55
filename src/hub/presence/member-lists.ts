// Member lists: responses to requests for a room's members. A large room's list is built in slices, one per tick, and
// shared by all requests.
import type { ClusterPresence } from "../../log/peers.ts";
import { PresenceSet } from "../../rooms/presence/presence-set.ts";
import { DEFAULT_PRESENCE, type PresenceRule } from "../../rooms/rule.ts";
import { governor } from "../../scheduling/governor.ts";
import { TickSlice } from "../../scheduling/tick-slice.ts";
import type { Room } from "../room.ts";
import type { Session } from "../session.ts";

/** In rooms with at most this number of sessions, every request builds a new list. */
const MAX_INLINE_SESSIONS = 100;
/** The maximum age of a larger room's list. The allowed age is 1 ms per session in the room, up to this limit. */
const MAX_AGE_MS = 1000;
/** The maximum age of a list from other nodes. */
const CLUSTER_MAX_AGE_MS = 50;
/** The maximum number of sessions visited per tick. */
const SESSIONS_PER_TICK = 1000;
/** The maximum total length of cached lists, in characters. */
const MAX_CACHED_CHARACTERS = 8 << 20;

/** The object that a list is built from. `changes` differs whenever the list may have changed. */
interface Source {
  readonly changes: number;
}

interface CachedList {
  readonly source: Source | undefined;
  readonly changes: number;
  text: string | Promise<string>;
  /** Until this time, in ms, the list is reused even if there are changes. Infinity while the list is being built. */
  until: number;
}

export class MemberLists {
  /** The number of sessions and users visited to build lists. */
  visits = 0;
  /** The cached lists by room, newest last. */
  readonly #lists = new Map<string, CachedList>();
  #characters = 0;

  /** @param now a monotonic clock, in ms */
  constructor(readonly now: () => number) {}

  /** The total length of all cached lists, in characters. */
  get cachedCharacters(): number {
    return this.#characters;
  }

  /** Lists the members of a room with presence, from its presence set. */
  ofMembers(name: string, members: PresenceSet): string | Promise<string> {
    return this.#cached(name, members, members.sessions, () => {
      this.visits += Math.min(members.users, members.limit);
      return members.list;
    });
  }

  /** Lists the members of a room without presence, from its sessions on this server. */
  ofRoom(name: string, room: Room | undefined, rule = DEFAULT_PRESENCE): string | Promise<string> {
    const count = room?.members.size ?? 0;
    return this.#cached(name, room, count, () => {
      const members = new PresenceSet(rule);
      if (count > MAX_INLINE_SESSIONS) return this.#gather(room, members).then(() => members.list);
      for (const { session } of room?.members ?? []) this.#report(members, session);
      return members.list;
    });
  }

  /**
   * Lists the members of a room with presence that has no sessions on this node, by asking the other nodes.
   * @throws ThumpError `unavailable`
   */
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
    return this.#cached(name, undefined, CLUSTER_MAX_AGE_MS, ask, true);
  }

  /**
   * Returns the cached list, or builds it.
   * @param source undefined if changes to the list cannot be detected
   * @param sessions the number of sessions in the room
   * @param always whether to cache the list even if the room is small
   */
  #cached(
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
      this.#evict();
    };
    const failed = () => void (this.#lists.get(name) === listed && this.#forget(name));
    if (text instanceof Promise) text.then(done, failed);
    else done(text);
    return text;
  }

  /** Adds a room's sessions to a presence set, one slice per tick. */
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
    this.visits++;
    if (session.countsAsPresent && !session.ended) reportSession(members, session);
  }

  #forget(name: string): void {
    const known = this.#lists.get(name);
    if (!known) return;
    this.#lists.delete(name);
    if (typeof known.text === "string") this.#characters -= known.text.length;
  }

  #evict(): void {
    for (const name of this.#lists.keys()) {
      if (this.#characters <= MAX_CACHED_CHARACTERS) return;
      this.#forget(name);
    }
  }
}

/**
 * Reports a session's user to a presence set, with the session as the source.
 * @param at when the user's details were set, in ms since 1970
 */
export function reportSession(members: PresenceSet, { id, identity, since }: Session, at = since): void {
  const { user, info } = identity;
  members.report(id, { user, info, since, sessions: 1, at });
}
