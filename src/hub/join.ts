// Joins: adds a session to rooms, starting at the requested position, with no gaps or duplicates between stored and
// live messages.
import type { Log } from "../log/log.ts";
import { ThumpError, unavailable } from "../protocol/codes.ts";
import { formatCursor } from "../protocol/cursor.ts";
import type { Gap } from "../protocol/envelope.ts";
import { governor } from "../scheduling/governor.ts";
import { type StartHost, type StartPosition, startPositionOf, type StartRequest } from "./start-position.ts";
import type { Backlog } from "./backlog.ts";
import type { CatchUp } from "./catch-up.ts";
import type { PresenceFanOut } from "./presence/presence-fan-out.ts";
import type { PresenceTracker } from "./presence/presence-tracker.ts";
import { openerOf, type RoomLimits } from "./room-limits.ts";
import type { RoomRegistry } from "./room-registry.ts";
import { TickSlice } from "../scheduling/tick-slice.ts";
import type { Sampler } from "./sampler.ts";
import type { Membership, Session } from "./session.ts";
import type { Stats } from "./stats.ts";

/** How a session joins a room. */
export interface JoinStart extends StartRequest {
  /**
   * If set, the session receives samples: at most this number of publications per second. If undefined, the session
   * receives all publications.
   */
  readonly max?: number | undefined;
  /** Whether the session receives presence: first a snapshot, then joins and leaves. */
  readonly presence?: boolean | undefined;
}

/** How a session joins each room, by room name. */
export type JoinStarts = ReadonlyMap<string, JoinStart>;

/** Joins several rooms in the same way. */
export function startAll(rooms: Iterable<string>, start: JoinStart): JoinStarts {
  return new Map(Array.from(rooms, (room) => [room, start]));
}

/** The first message that a session receives about a room that it joined. */
export interface JoinResult {
  room: string;
  /** The cursor at the time of the join. Later publications have greater cursors. */
  at: string;
  /** Whether the client sent `after` and will receive every publication since that cursor. */
  resumed: boolean;
  /** The number of stored publications that the session is about to receive. */
  replay: number;
  /** Set if some messages after `after` are gone. */
  gap?: Gap | undefined;
  /** The presence snapshot as JSON fields, if requested. Streams receive it as a message instead. */
  presence?: string | undefined;
}

/** The part of the hub that joins use. */
export interface JoinHost extends StartHost {
  readonly log: Pick<Log, "epoch" | "history" | "catchUpTo">;
  readonly roomsPerSession: number;
  readonly roomLimits: Pick<RoomLimits, "check">;
  readonly stats: Pick<Stats, "gaps">;
  readonly presence: Pick<PresenceTracker, "enter">;
  readonly fanOut: { readonly presence: Pick<PresenceFanOut, "begin" | "onCaughtUp"> };
  /** The position of live sessions as a cursor. */
  readonly at: string;
  leave(session: Session, name: string): void;
}

/** A membership whose join is not yet complete. */
interface JoiningMember {
  readonly membership: Membership;
  readonly start: JoinStart;
}

/** The maximum number of rooms that a session enters per tick. The session enters any further rooms in later ticks. */
const ROOMS_PER_TICK = 200;

export class JoinCoordinator {
  constructor(
    readonly host: JoinHost,
    readonly rooms: Pick<RoomRegistry, "byName" | "open">,
    readonly catchUp: Pick<CatchUp, "add" | "resume"> & { readonly backlog: Pick<Backlog, "reads"> },
    readonly sampler: Pick<Sampler, "add">,
  ) {}

  /**
   * Adds a session to rooms. Calls `onJoined` for each room before the room's first message. If an error occurs, the
   * session joins none of the rooms.
   * @returns a promise if the join must wait for the log or for a later tick
   * @throws ThumpError `already-joined`, `limit`, `busy` or `unavailable`
   */
  join(session: Session, starts: JoinStarts, onJoined: (joined: JoinResult) => void): void | Promise<void> {
    for (const name of starts.keys()) {
      if (session.memberships.has(name))
        throw new ThumpError("already-joined", `This session is already in "${name}".`);
    }
    this.#checkLimits(session, starts);
    if (starts.size > ROOMS_PER_TICK) return this.#enterInSlices(session, starts, onJoined);
    const joining = Array.from(starts, ([name, start]) => this.#enter(session, name, start));
    return this.#subscribe(session, joining, onJoined);
  }

  #checkLimits(session: Session, starts: JoinStarts): void {
    const { roomsPerSession, roomLimits } = this.host;
    if (session.memberships.size + starts.size > roomsPerSession)
      throw new ThumpError(
        "limit",
        `A session can be in at most ${roomsPerSession} rooms. Leave a room first.`,
      );
    roomLimits.check(openerOf(session), starts.keys());
  }

  /** Enters many rooms, one slice per tick. Positions are set after the session has entered all of the rooms. */
  async #enterInSlices(
    session: Session,
    starts: JoinStarts,
    onJoined: (joined: JoinResult) => void,
  ): Promise<void> {
    const joining: JoiningMember[] = [];
    let slice = new TickSlice(0);
    try {
      for (const [name, start] of starts) {
        if (!slice.take()) {
          slice = new TickSlice(ROOMS_PER_TICK, undefined, await governor.next());
          slice.take();
          if (session.ended) return;
        }
        // The client may have joined this room with a later command.
        if (session.memberships.has(name)) continue;
        this.#checkLimits(session, new Map([[name, start]]));
        joining.push(this.#enter(session, name, start));
      }
    } catch (error) {
      this.#undo(joining, error);
    }
    await this.#subscribe(session, joining, onJoined);
  }

  /** Waits until the log delivers publications for all of the rooms. */
  #subscribe(
    session: Session,
    joining: JoiningMember[],
    onJoined: (joined: JoinResult) => void,
  ): void | Promise<void> {
    const { log } = this.host;
    const waits = joining
      .flatMap(({ membership, start }) => [membership.room.starting, log.catchUpTo?.(start.after)])
      .filter((wait) => wait !== undefined);
    const run = () => this.#positionAll(session, joining, onJoined);
    if (waits.length === 0) return run();
    return Promise.all(waits)
      .then(run)
      .catch((error: unknown) => this.#undo(joining, error));
  }

  #enter(session: Session, name: string, start: JoinStart): JoiningMember {
    const { max, presence } = start;
    const room = this.rooms.byName.get(name) ?? this.rooms.open(name, session);
    const membership: Membership = { session, room, position: 0, live: false, liveSince: 0, max, next: 0 };
    if (presence) membership.presence = "uninformed";
    room.members.add(membership);
    room.changes++;
    session.memberships.set(name, membership);
    return { membership, start };
  }

  /** Finds the start positions in all rooms, then sets them all in one tick. */
  #positionAll(
    session: Session,
    joining: JoiningMember[],
    onJoined: (joined: JoinResult) => void,
  ): void | Promise<void> {
    const { host } = this;
    // The client may have disconnected in the meantime.
    if (session.ended) return;
    const { epoch } = host.log;
    // A publication that arrives during a read may be missing from the slice. It is sent later, so the reply does not
    // count it.
    const { at } = host;
    const starts = this.#findPositions(joining, []);
    const placeAll = (positions: StartPosition[]) => {
      if (session.ended) return;
      if (epoch !== host.log.epoch) throw unavailable("The log has just lost its stored messages.");
      session.catchingUp ??= new Set();
      joining.forEach(({ membership, start }, i) => {
        // The session may have left the room in the meantime.
        if (!isIn(membership)) return;
        onJoined(this.#place(membership, start, positions[i] as StartPosition, at));
        // Done after the reply, because sampling may send a publication immediately.
        if (membership.max) this.sampler.add(membership);
      });
      host.fanOut.presence.onCaughtUp(session);
      this.catchUp.resume(session);
    };
    if (!(starts instanceof Promise)) return placeAll(starts);
    return starts.then(placeAll).catch((error: unknown) => this.#undo(joining, error));
  }

  /** Finds the start positions synchronously if possible, and otherwise in slices, one per tick. */
  #findPositions(
    joining: JoiningMember[],
    found: (StartPosition | Promise<StartPosition>)[],
    ms?: number,
  ): StartPosition[] | Promise<StartPosition[]> {
    const slice = new TickSlice(joining.length, undefined, ms);
    while (found.length < joining.length) {
      const { membership, start } = joining[found.length] as JoiningMember;
      if ((start.after || start.last) && !slice.take())
        return governor.next().then((next) => this.#findPositions(joining, found, next));
      const position = startPositionOf(this.host, this.catchUp.backlog.reads, membership, start);
      // A rejection is handled after all lookups have started.
      if (position instanceof Promise) position.catch(() => {});
      found.push(position);
    }
    return found.some((one) => one instanceof Promise) ? Promise.all(found) : (found as StartPosition[]);
  }

  /** Sets a membership's position and passes the membership to catch-up or the sampler. */
  #place(membership: Membership, { after }: JoinStart, startPosition: StartPosition, at: string): JoinResult {
    const { host } = this;
    const { room } = membership;
    const { position, replay, newest, short } = startPosition;
    const missed = after && (host.isForeignCursor(after) || position > after.seq);
    // Sessions that skip publications by design receive no gap notice for older publications.
    const receivesSome = membership.max !== undefined || room.rule.lag === "latest";
    const gap = missed || (!after && !receivesSome && short);
    membership.position = position;
    membership.replayTo = host.position;
    if (membership.max) room.newest ??= newest;
    else this.catchUp.add(membership);
    if (missed) host.stats.gaps++;
    host.presence.enter(membership);
    return {
      room: room.name,
      at,
      resumed: after !== undefined && !missed,
      replay,
      gap: gap
        ? {
            room: room.name,
            after: after ? formatCursor(after.epoch, after.seq) : formatCursor(host.log.epoch, 0),
            at: formatCursor(host.log.epoch, position),
          }
        : undefined,
      presence: host.fanOut.presence.begin(membership),
    };
  }

  /** Removes the session from the rooms after a failed read or an exceeded limit. */
  #undo(joining: JoiningMember[], error: unknown): never {
    for (const { membership } of joining)
      if (isIn(membership)) this.host.leave(membership.session, membership.room.name);
    throw error;
  }
}

function isIn(membership: Membership): boolean {
  return membership.session.memberships.get(membership.room.name) === membership;
}
