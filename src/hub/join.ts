// The JoinCoordinator: how a session gets into rooms, from where it wants to start, without a hole or a repeat.
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
import type { Room } from "./room.ts";
import { openerOf, type RoomLimits } from "./room-limits.ts";
import { TickSlice } from "../scheduling/tick-slice.ts";
import type { Sampler } from "./sampler.ts";
import type { Membership, Session } from "./session.ts";
import type { Stats } from "./stats.ts";

/** How a session joins a room. */
export interface JoinStart extends StartRequest {
  /** The most publications per second: the session samples the newest. Undefined: it receives all. */
  readonly max?: number | undefined;
  /** Whether the session receives presence: a snapshot, then joins and leaves. */
  readonly presence?: boolean | undefined;
}

/** How a session joins, by room. */
export type JoinStarts = ReadonlyMap<string, JoinStart>;

/** The same start in several rooms. */
export function startAll(rooms: Iterable<string>, start: JoinStart): JoinStarts {
  return new Map(Array.from(rooms, (room) => [room, start]));
}

/** What a session that joined is told first. */
export interface JoinResult {
  room: string;
  /** The position of the room as it was joined: what has a greater one happened later. */
  at: string;
  /** Whether `after` was given, and everything since is about to follow. */
  resumed: boolean;
  /** How many publications are about to follow. */
  replay: number;
  gap?: Gap | undefined;
  /** Who is there, as JSON fields, where it asked for it; streams are told by a message. */
  presence?: string | undefined;
}

/** What the coordinator needs of the host. */
export interface JoinHost extends StartHost {
  readonly log: Pick<Log, "epoch" | "history" | "catchUpTo">;
  readonly rooms: ReadonlyMap<string, Room>;
  readonly roomsPerSession: number;
  readonly roomLimits: Pick<RoomLimits, "check">;
  readonly stats: Pick<Stats, "gaps">;
  readonly presence: Pick<PresenceTracker, "enter">;
  readonly fanOut: { readonly presence: Pick<PresenceFanOut, "begin" | "onCaughtUp"> };
  /** The position of live sessions as a cursor. */
  readonly at: string;
  /** Opens a room that no session on this server is in. */
  openRoom(name: string, opener: Session): Room;
  leave(session: Session, name: string): void;
}

/** Somebody on the way in. */
interface JoiningMember {
  readonly membership: Membership;
  readonly start: JoinStart;
}

/** The most rooms that sessions enter in one tick, where one enters more. */
const ROOMS_PER_TICK = 200;

export class JoinCoordinator {
  constructor(
    readonly host: JoinHost,
    readonly catchUp: Pick<CatchUp, "add" | "resume"> & { readonly backlog: Pick<Backlog, "reads"> },
    readonly sampler: Pick<Sampler, "add">,
  ) {}

  /**
   * Puts a session into rooms. `onJoined` is called for each before anything of it follows.
   * @throws ThumpError `already-joined`, `limit` or `busy`
   */
  join(session: Session, starts: JoinStarts, onJoined: (joined: JoinResult) => void): void | Promise<void> {
    for (const name of starts.keys()) {
      if (session.memberships.has(name))
        throw new ThumpError("already-joined", `This session is in "${name}" already.`);
    }
    this.#checkLimits(session, starts);
    if (starts.size > ROOMS_PER_TICK) return this.#enterInSlices(session, starts, onJoined);
    const newcomers = Array.from(starts, ([name, start]) => this.#enter(session, name, start));
    return this.#subscribe(session, newcomers, onJoined);
  }

  #checkLimits(session: Session, starts: JoinStarts): void {
    const { roomsPerSession, roomLimits } = this.host;
    if (session.memberships.size + starts.size > roomsPerSession)
      throw new ThumpError("limit", `A session may be in ${roomsPerSession} rooms. Leave one first.`);
    roomLimits.check(openerOf(session), starts.keys());
  }

  /** Many rooms are entered some at a time, in ticks that all who do so share; positions are set once it is in all. */
  async #enterInSlices(
    session: Session,
    starts: JoinStarts,
    onJoined: (joined: JoinResult) => void,
  ): Promise<void> {
    const newcomers: JoiningMember[] = [];
    let slice = new TickSlice(0);
    try {
      for (const [name, start] of starts) {
        if (!slice.take()) {
          slice = new TickSlice(ROOMS_PER_TICK, undefined, await governor.next());
          slice.take();
          if (session.ended) return;
        }
        // What it asked for meanwhile was answered.
        if (session.memberships.has(name)) continue;
        this.#checkLimits(session, new Map([[name, start]]));
        newcomers.push(this.#enter(session, name, start));
      }
    } catch (error) {
      this.#undo(newcomers, error);
    }
    await this.#subscribe(session, newcomers, onJoined);
  }

  /** Waits until the log gives what is published in all of the rooms. */
  #subscribe(
    session: Session,
    newcomers: JoiningMember[],
    onJoined: (joined: JoinResult) => void,
  ): void | Promise<void> {
    const { log } = this.host;
    const waits = newcomers
      .flatMap(({ membership, start }) => [membership.room.starting, log.catchUpTo?.(start.after)])
      .filter((wait) => wait !== undefined);
    const run = () => this.#positionAll(session, newcomers, onJoined);
    if (waits.length === 0) return run();
    return Promise.all(waits)
      .then(run)
      .catch((error: unknown) => this.#undo(newcomers, error));
  }

  #enter(session: Session, name: string, start: JoinStart): JoiningMember {
    const { max, presence } = start;
    const room = this.host.rooms.get(name) ?? this.host.openRoom(name, session);
    const membership: Membership = { session, room, position: 0, live: false, liveSince: 0, max, next: 0 };
    if (presence) membership.presence = "uninformed";
    room.members.add(membership);
    room.changes++;
    session.memberships.set(name, membership);
    return { membership, start };
  }

  /** All of its rooms are followed: reads what a session is to have first, then it is in. */
  #positionAll(
    session: Session,
    newcomers: JoiningMember[],
    onJoined: (joined: JoinResult) => void,
  ): void | Promise<void> {
    const { host } = this;
    // Its client left while the log began to be followed.
    if (session.ended) return;
    const { epoch } = host.log;
    // What comes while a log reads may be in no slice: it follows, and the reply must not claim it.
    const { at } = host;
    // Read first, for all rooms; positions are set in one go, in one tick.
    const beginnings = this.#findPositions(newcomers, []);
    const begin = (read: StartPosition[]) => {
      if (session.ended) return;
      if (epoch !== host.log.epoch) throw unavailable("What was kept has just been lost.");
      session.catchingUp ??= new Set();
      newcomers.forEach(({ membership, start }, i) => {
        // It may have left while it waited.
        if (!isIn(membership)) return;
        onJoined(this.#place(membership, start, read[i] as StartPosition, at));
        // Only after the reply: it begins with what is new right away.
        if (membership.max) this.sampler.add(membership);
      });
      host.fanOut.presence.onCaughtUp(session);
      this.catchUp.resume(session);
    };
    if (!(beginnings instanceof Promise)) return begin(beginnings);
    return beginnings.then(begin).catch((error: unknown) => this.#undo(newcomers, error));
  }

  /** Where each begins: at once where that is known at once, else a slice of them per tick. */
  #findPositions(
    newcomers: JoiningMember[],
    known: (StartPosition | Promise<StartPosition>)[],
    ms?: number,
  ): StartPosition[] | Promise<StartPosition[]> {
    const slice = new TickSlice(newcomers.length, undefined, ms);
    while (known.length < newcomers.length) {
      const { membership, start } = newcomers[known.length] as JoiningMember;
      if ((start.after || start.last) && !slice.take())
        return governor.next().then((next) => this.#findPositions(newcomers, known, next));
      const one = startPositionOf(this.host, this.catchUp.backlog.reads, membership, start);
      // Others are looked up before anybody waits for this one.
      if (one instanceof Promise) one.catch(() => {});
      known.push(one);
    }
    return known.some((one) => one instanceof Promise) ? Promise.all(known) : (known as StartPosition[]);
  }

  #place(membership: Membership, { after }: JoinStart, startPosition: StartPosition, at: string): JoinResult {
    const { host } = this;
    const { room } = membership;
    const { position, replay, newest, short } = startPosition;
    const missed = after && (host.isForeignCursor(after) || position > after.seq);
    // Whoever is sent some of all publications is not told that others are gone.
    const skips = membership.max !== undefined || room.rule.lag === "latest";
    const gap = missed || (!after && !skips && short);
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

  /** The log could not be read: the session is as it was before. */
  #undo(newcomers: JoiningMember[], error: unknown): never {
    for (const { membership } of newcomers)
      if (isIn(membership)) this.host.leave(membership.session, membership.room.name);
    throw error;
  }
}

function isIn(membership: Membership): boolean {
  return membership.session.memberships.get(membership.room.name) === membership;
}
