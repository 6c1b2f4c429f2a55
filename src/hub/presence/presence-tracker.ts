// Presence: tracks the users in rooms whose rule has presence. Combines changes and sends them at intervals.
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

/**
 * The interval between checks for due messages and expired grace periods. Checks run only while any of these are
 * pending.
 */
const TICK_MS = 50;
/** The maximum interval between two messages to a room. The interval is 1 ms per session, at least `TICK_MS`. */
const MAX_MESSAGE_INTERVAL_MS = 1000;
/** The maximum number of rooms visited per event-loop tick. */
const ROOMS_PER_TICK = 500;
/** The maximum number of grace periods to end per room in one event-loop tick. */
const USERS_PER_TICK = 500;

/** The part of the hub that the tracker uses. */
export interface PresenceHost {
  readonly log: Pick<Log, "peers">;
  readonly rooms: ReadonlyMap<string, Room>;
  readonly stats: Pick<Stats, "presence">;
  readonly fanOut: { readonly presence: Pick<PresenceFanOut, "send" | "snapshotOf"> };
  /** Returns the rule of a room, whether or not the room is open. */
  ruleOf(room: string): Rule;
}

/** A room with presence. It is tracked until its last user is gone and the last grace period has ended. */
interface TrackedRoom {
  readonly name: string;
  readonly members: PresenceSet;
  /** Set while the users on other nodes are not known yet. */
  starting: Promise<void> | undefined;
  /** The earliest time of the next message, on the `PresenceTracker.now` clock. */
  next: number;
}

export class PresenceTracker {
  /** A monotonic clock, in ms. */
  now: () => number = () => performance.now();
  readonly lists: MemberLists = new MemberLists(() => this.now());
  readonly #host: PresenceHost;
  /** Exchanges presence with other nodes; undefined on a server without a cluster. */
  readonly #clusterPresence: ClusterPresence | undefined;
  readonly #rooms = new Map<string, TrackedRoom>();
  /** Rooms with pending changes or a running grace period. */
  readonly #waiting = new Set<TrackedRoom>();
  /** The current position in this pass over the waiting rooms. */
  #iterator: Iterator<TrackedRoom> | undefined;
  /** The room whose visit continues in the next tick. */
  #unfinished: TrackedRoom | undefined;
  /** Whether the pass continues in the next event-loop tick. */
  #continuing = false;
  #timer: Timer | undefined;
  #stopped = false;
  /** The number of visits to rooms. */
  visits = 0;

  constructor(host: PresenceHost) {
    this.#host = host;
    this.#clusterPresence = host.log.peers?.presence;
    host.fanOut.presence.snapshotOf = (room) => this.#snapshot(room);
  }

  /** The number of users present on this node. A user in several rooms is counted once per room. */
  get users(): number {
    return this.#rooms.values().reduce((sum, { members }) => sum + members.usersHere, 0);
  }

  /**
   * Lists the members of a room as JSON fields. The list for a room with presence covers all nodes. For other rooms,
   * the list covers only the sessions on this server.
   * @throws ThumpError `unavailable`
   */
  list(name: string): string | Promise<string> {
    const tracked = this.#rooms.get(name);
    if (tracked?.starting) return tracked.starting.then(() => this.lists.ofMembers(name, tracked.members));
    if (tracked) return this.lists.ofMembers(name, tracked.members);
    const room = this.#host.rooms.get(name);
    const { presence } = this.#host.ruleOf(name);
    return presence && this.#clusterPresence
      ? this.lists.ofNodes(name, room, presence, this.#clusterPresence)
      : this.lists.ofRoom(name, room, presence);
  }

  /** Called when a room opens. Returns a promise if joins must wait until the users on other nodes are known. */
  open({ name, rule: { presence } }: Room): Promise<void> | undefined {
    return presence && this.#clusterPresence
      ? (this.#rooms.get(name) ?? this.#track(name, new PresenceSet(presence))).starting
      : undefined;
  }

  /**
   * Called when a session has entered a room, or its user's details have changed.
   * @param at when the details were set, in ms since 1970
   */
  enter({ session, room }: Membership, at = session.since): void {
    const { presence } = room.rule;
    if (!presence || !session.countsAsPresent) return;
    const tracked = this.#rooms.get(room.name) ?? this.#track(room.name, new PresenceSet(presence));
    reportSession(tracked.members, session, at);
    this.#changed(tracked, session);
  }

  /** Called when a session has left a room. */
  leave({ session, room }: Membership): void {
    if (!room.rule.presence) return;
    const tracked = this.#rooms.get(room.name);
    if (!tracked) return;
    tracked.members.retract(session.id, session.identity.user, this.now());
    this.#changed(tracked, session);
  }

  /** Called when a session's token has been renewed. The new token may change the user's details. */
  renewed(session: Session): void {
    for (const membership of session.memberships.values()) {
      membership.room.changes++;
      this.enter(membership, now());
    }
  }

  /** Called when the rules have changed: starts, ends or adjusts presence in the affected rooms. */
  applyRules(): void {
    const host = this.#host;
    for (const room of host.rooms.values()) if (room.rule.presence) this.#begin(room, room.rule.presence);
    for (const tracked of this.#rooms.values()) {
      const { presence } = host.ruleOf(tracked.name);
      if (!presence) this.#end(tracked);
      else if (!Bun.deepEquals(tracked.members.rule, presence)) {
        tracked.members.applyRule(presence, this.now());
        this.#wait(tracked);
      }
    }
  }

  /**
   * Ends grace periods and sends changes that are due, one slice per event-loop tick. Runs every `TICK_MS` while any
   * room is waiting.
   */
  tick(): void {
    const now = this.now();
    const slice = new TickSlice(ROOMS_PER_TICK);
    while (slice.take()) {
      const tracked = this.#unfinished ?? this.#next();
      if (!tracked) return this.#rest();
      this.#unfinished = this.#visit(tracked, now) ? undefined : tracked;
      if (this.#unfinished) break;
    }
    if (this.#continuing) return;
    this.#continuing = true;
    setImmediate(() => {
      this.#continuing = false;
      if (!this.#stopped) this.tick();
    });
  }

  /** Returns the next room of the pass; undefined at the end of the pass. */
  #next(): TrackedRoom | undefined {
    this.#iterator ??= this.#waiting.values();
    const { done, value } = this.#iterator.next();
    if (done) this.#iterator = undefined;
    return done ? undefined : value;
  }

  /** Visits a room. Returns false if more grace periods have expired than one tick may end. */
  #visit(tracked: TrackedRoom, now: number): boolean {
    if (!this.#waiting.has(tracked)) return true;
    const { name, members } = tracked;
    this.visits++;
    const gone = members.expire(now, USERS_PER_TICK);
    for (const user of gone) this.#clusterPresence?.changed(name, user);
    // First end the remaining grace periods, so that users who leave together are reported in one message.
    if (gone.length === USERS_PER_TICK) return false;
    const isUnused = members.isEmpty && !this.#host.rooms.has(name);
    if (isUnused) this.#forget(tracked);
    else if (members.diff.pending && now >= tracked.next) this.#sendChanges(tracked, now);
    if (isUnused || !(members.diff.pending || members.leaving)) this.#waiting.delete(tracked);
    return true;
  }

  /** Ends a pass. Stops the timer if no room is waiting. */
  #rest(): void {
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Stops sending changes. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  #track(name: string, members: PresenceSet): TrackedRoom {
    const tracked: TrackedRoom = { name, members, starting: undefined, next: 0 };
    this.#rooms.set(name, tracked);
    tracked.starting = this.#clusterPresence
      ?.subscribe(name, members, () => this.#wait(tracked))
      .then(() => void (tracked.starting = undefined));
    return tracked;
  }

  #forget(tracked: TrackedRoom): void {
    this.#rooms.delete(tracked.name);
    this.#waiting.delete(tracked);
    this.#clusterPresence?.unsubscribe(tracked.name);
  }

  #changed(tracked: TrackedRoom, { identity }: Session): void {
    this.#clusterPresence?.changed(tracked.name, identity.user);
    this.#wait(tracked);
  }

  #wait(tracked: TrackedRoom): void {
    this.#waiting.add(tracked);
    if (this.#timer || this.#stopped) return;
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    this.#timer.unref();
  }

  #sendChanges(tracked: TrackedRoom, now: number): void {
    const { members, name } = tracked;
    const { changes, netted } = members.diff.take();
    const { presence } = this.#host.stats;
    presence.netted += netted;
    const room = this.#host.rooms.get(name);
    if (!changes || !room?.audience) return;
    tracked.next = now + Math.min(MAX_MESSAGE_INTERVAL_MS, Math.max(TICK_MS, members.sessions));
    presence.messages++;
    this.#host.fanOut.presence.send(room, presenceMessage(name, presenceFields(changes)));
  }

  /** Returns the state that has been sent to all receivers in a room. First sends pending changes if they are due. */
  #snapshot(room: Room): string | undefined {
    const tracked = this.#rooms.get(room.name);
    if (!tracked) return undefined;
    const now = this.now();
    if (tracked.members.diff.pending && (now >= tracked.next || !room.audience))
      this.#sendChanges(tracked, now);
    return tracked.members.diff.snapshot;
  }

  /** Starts presence in an open room that is not tracked yet. */
  #begin(room: Room, rule: PresenceRule): void {
    if (this.#rooms.has(room.name)) return;
    const tracked = this.#track(room.name, membersOf(room, rule));
    // The sessions that requested presence have not received anything yet.
    tracked.members.diff.restart();
    this.#wait(tracked);
  }

  #end(tracked: TrackedRoom): void {
    this.#forget(tracked);
    const room = this.#host.rooms.get(tracked.name);
    if (room) this.#host.fanOut.presence.send(room, presenceOff(tracked.name));
  }
}

function membersOf(room: Room | undefined, rule: PresenceRule): PresenceSet {
  const members = new PresenceSet(rule);
  for (const { session } of room?.members ?? []) if (session.countsAsPresent) reportSession(members, session);
  return members;
}
