// Presence: keeps who is in the rooms whose rule says so, and tells those who listen, a tick's changes at a time.
import { now } from "../../log/clock.ts";
import { presenceFields, presenceMessage, presenceOff } from "../../protocol/presence-messages.ts";
import type { Log } from "../../log/log.ts";
import type { ClusterPresence } from "../../log/peers.ts";
import { PresenceSet } from "../../rooms/presence/presence-set.ts";
import type { PresenceRule, Rule } from "../../rooms/rule.ts";
import { TickSlice } from "../../scheduling/tick-slice.ts";
import { MemberLists, reportSession } from "./member-lists.ts";
import type { PresenceFanOut } from "./presence-fan-out.ts";
import type { Room } from "../room.ts";
import type { Membership, Session } from "../session.ts";
import type { Stats } from "../stats.ts";

/** How often it is looked whether a tick or a grace is over, in ms; only while there is something to wait for. */
const TICK_MS = 50;
/** A room's tick is as many ms as it has sessions, but at least a beat and at most this. */
const MAX_TICK_MS = 1000;
/** The most rooms that are looked at in one tick of the event loop, and the most users of a room who leave in one. */
const ROOMS_PER_TICK = 500;
const USERS_PER_TICK = 500;

/** What the tracker needs of the hub. */
export interface PresenceHost {
  readonly log: Pick<Log, "peers">;
  readonly rooms: ReadonlyMap<string, Room>;
  readonly stats: Pick<Stats, "presence">;
  readonly fanOut: { readonly presence: Pick<PresenceFanOut, "send" | "snapshotOf"> };
  /** The rule of a room, open or not. */
  ruleOf(room: string): Rule;
}

/** A room with presence. It is kept as long as somebody is present: a little longer than anybody is in it. */
interface TrackedRoom {
  readonly name: string;
  readonly members: PresenceSet;
  /** While it is not known yet who is there on other nodes. */
  starting: Promise<void> | undefined;
  /** Nothing is told before this time. */
  next: number;
}

export class PresenceTracker {
  /** A clock that never goes back, in ms. */
  now: () => number = () => performance.now();
  readonly lists: MemberLists = new MemberLists(() => this.now());
  readonly #host: PresenceHost;
  /** Other nodes, where there are some: they are told who is here, and tell who is there. */
  readonly #clusterPresence: ClusterPresence | undefined;
  readonly #rooms = new Map<string, TrackedRoom>();
  /** Rooms with something to tell, or with a grace that runs. */
  readonly #waiting = new Set<TrackedRoom>();
  /** Where the round over them is. */
  #place: Iterator<TrackedRoom> | undefined;
  #unfinished: TrackedRoom | undefined;
  #continuing = false;
  #timer: Timer | undefined;
  #stopped = false;
  /** How often a room was looked at. */
  looks = 0;

  constructor(host: PresenceHost) {
    this.#host = host;
    this.#clusterPresence = host.log.peers?.presence;
    host.fanOut.presence.snapshotOf = (room) => this.#snapshot(room);
  }

  /** Users who are present here, counted once a room. */
  get users(): number {
    return this.#rooms.values().reduce((sum, { members }) => sum + members.usersHere, 0);
  }

  /**
   * Who is in a room now, as JSON fields: from what is kept, or from its sessions where nothing is. Where it has
   * presence, on all nodes. @throws ThumpError `unavailable`
   */
  list(name: string): string | Promise<string> {
    const kept = this.#rooms.get(name);
    if (kept?.starting) return kept.starting.then(() => this.lists.ofMembers(name, kept.members));
    if (kept) return this.lists.ofMembers(name, kept.members);
    const room = this.#host.rooms.get(name);
    const { presence } = this.#host.ruleOf(name);
    return presence && this.#clusterPresence
      ? this.lists.ofNodes(name, room, presence, this.#clusterPresence)
      : this.lists.ofRoom(name, room, presence);
  }

  /** Somebody is about to come into a room where nobody was. Returned is what they wait for, if anything. */
  open({ name, rule: { presence } }: Room): Promise<void> | undefined {
    return presence && this.#clusterPresence
      ? (this.#rooms.get(name) ?? this.#track(name, new PresenceSet(presence))).starting
      : undefined;
  }

  /** A session is in a room. @param at since when it says what it says, in ms since 1970 */
  enter({ session, room }: Membership, at = session.since): void {
    const { presence } = room.rule;
    if (!presence || !session.countsAsPresent) return;
    const kept = this.#rooms.get(room.name) ?? this.#track(room.name, new PresenceSet(presence));
    reportSession(kept.members, session, at);
    this.#changed(kept, session);
  }

  /** A session leaves a room. */
  leave({ session, room }: Membership): void {
    if (!room.rule.presence) return;
    const kept = this.#rooms.get(room.name);
    if (!kept) return;
    kept.members.retract(session.id, session.identity.user, this.now());
    this.#changed(kept, session);
  }

  /** Something else is known of a session's user. */
  renewed(session: Session): void {
    for (const membership of session.memberships.values()) {
      membership.room.changes++;
      this.enter(membership, now());
    }
  }

  /** Rules have changed: presence begins in some rooms, ends in others, and goes on by another rule in yet others. */
  applyRules(): void {
    const host = this.#host;
    for (const room of host.rooms.values()) if (room.rule.presence) this.#begin(room, room.rule.presence);
    for (const kept of this.#rooms.values()) {
      const { presence } = host.ruleOf(kept.name);
      if (!presence) this.#end(kept);
      else if (!Bun.deepEquals(kept.members.rule, presence)) {
        kept.members.applyRule(presence, this.now());
        this.#wait(kept);
      }
    }
  }

  /** What is due now: graces that are over, and news. It is called every 50 ms while anything waits; a slice per tick. */
  tick(): void {
    const now = this.now();
    const slice = new TickSlice(ROOMS_PER_TICK);
    while (slice.take()) {
      const kept = this.#unfinished ?? this.#next();
      if (!kept) return this.#rest();
      this.#unfinished = this.#visit(kept, now) ? undefined : kept;
      if (this.#unfinished) break;
    }
    if (this.#continuing) return;
    this.#continuing = true;
    setImmediate(() => {
      this.#continuing = false;
      if (!this.#stopped) this.tick();
    });
  }

  /** The next room of the round; undefined at its end. */
  #next(): TrackedRoom | undefined {
    this.#place ??= this.#waiting.values();
    const { done, value } = this.#place.next();
    if (done) this.#place = undefined;
    return done ? undefined : value;
  }

  /** False when more of it is due than is done in one tick. */
  #visit(kept: TrackedRoom, now: number): boolean {
    if (!this.#waiting.has(kept)) return true;
    const { name, members } = kept;
    this.looks++;
    const left = members.expire(now, USERS_PER_TICK);
    for (const user of left) this.#clusterPresence?.changed(name, user);
    // All who leave at a time are told of at a time.
    if (left.length === USERS_PER_TICK) return false;
    const over = members.isEmpty && !this.#host.rooms.has(name);
    if (over) this.#forget(kept);
    else if (members.diff.pending && now >= kept.next) this.#sendChanges(kept, now);
    if (over || !(members.diff.pending || members.leaving)) this.#waiting.delete(kept);
    return true;
  }

  #rest(): void {
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Nobody is told anything any more. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  #track(name: string, members: PresenceSet): TrackedRoom {
    const kept: TrackedRoom = { name, members, starting: undefined, next: 0 };
    this.#rooms.set(name, kept);
    kept.starting = this.#clusterPresence
      ?.subscribe(name, members, () => this.#wait(kept))
      .then(() => void (kept.starting = undefined));
    return kept;
  }

  #forget(kept: TrackedRoom): void {
    this.#rooms.delete(kept.name);
    this.#waiting.delete(kept);
    this.#clusterPresence?.unsubscribe(kept.name);
  }

  #changed(kept: TrackedRoom, { identity }: Session): void {
    this.#clusterPresence?.changed(kept.name, identity.user);
    this.#wait(kept);
  }

  #wait(kept: TrackedRoom): void {
    this.#waiting.add(kept);
    if (this.#timer || this.#stopped) return;
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    this.#timer.unref();
  }

  #sendChanges(kept: TrackedRoom, now: number): void {
    const { members, name } = kept;
    const { changes, netted } = members.diff.take();
    const { presence } = this.#host.stats;
    presence.netted += netted;
    const room = this.#host.rooms.get(name);
    if (!changes || !room?.audience) return;
    kept.next = now + Math.min(MAX_TICK_MS, Math.max(TICK_MS, members.sessions));
    presence.messages++;
    this.#host.fanOut.presence.send(room, presenceMessage(name, presenceFields(changes)));
  }

  /** What all who listen know. Where it may be told now, what is news is told first. */
  #snapshot(room: Room): string | undefined {
    const kept = this.#rooms.get(room.name);
    if (!kept) return undefined;
    const now = this.now();
    if (kept.members.diff.pending && (now >= kept.next || !room.audience)) this.#sendChanges(kept, now);
    return kept.members.diff.snapshot;
  }

  /** A room that somebody is in has presence from now on, if it has not had it before. */
  #begin(room: Room, rule: PresenceRule): void {
    if (this.#rooms.has(room.name)) return;
    const kept = this.#track(room.name, membersOf(room, rule));
    // Whoever asked for it was told nothing so far.
    kept.members.diff.restart();
    this.#wait(kept);
  }

  #end(kept: TrackedRoom): void {
    this.#forget(kept);
    const room = this.#host.rooms.get(kept.name);
    if (room) this.#host.fanOut.presence.send(room, presenceOff(kept.name));
  }
}

function membersOf(room: Room | undefined, rule: PresenceRule): PresenceSet {
  const members = new PresenceSet(rule);
  for (const { session } of room?.members ?? []) if (session.countsAsPresent) reportSession(members, session);
  return members;
}
