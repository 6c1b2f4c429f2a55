// RoomService: entry point for all room operations. It validates, rate-limits and authorizes each one.
import { now } from "../log/clock.ts";
import { CLOSE } from "../protocol/codes.ts";
import { checkRoomName } from "../protocol/names.ts";
import type { Publication, Slice } from "../protocol/publication.ts";
import type { Hub } from "../hub/hub.ts";
import type { JoinResult, JoinStart, JoinStarts } from "../hub/join.ts";
import type { Session } from "../hub/session.ts";
import type { Authenticator } from "../auth/authenticator.ts";
import type { Action } from "../auth/actions.ts";
import { BodyMemory } from "../limits/body-memory.ts";
import type { RequestContext } from "../auth/principal.ts";
import type { Limiter } from "../limits/limiter.ts";
import type { SessionLimit } from "../limits/session-limit.ts";
import type { Authorizer } from "../auth/authorizer.ts";
import { type PublishRequest, publish } from "./publish.ts";
import type { AuthorizedSession } from "./recheck.ts";
import { AuthError } from "../auth/auth-error.ts";

/** Joins that were authorized. */
export interface AuthorizedStarts {
  /** The starts that were asked for. */
  readonly requested: JoinStarts;
  /** The same, without history that may not be read. */
  readonly starts: JoinStarts;
  /** The authorizer that authorized them. */
  readonly authorizer: Authorizer;
}

export class RoomService {
  readonly bodyMemory = new BodyMemory();
  /** How long a connection may be silent between two requests, in seconds. */
  idleTime = 10;

  /**
   * @param maxMessage the largest data of one publication, in bytes. This, `bodyTime`, `authenticator` and `authorizer` may be
   * replaced while the server runs
   * @param bodyTime how long the body of a request may take to come, in ms
   */
  constructor(
    readonly hub: Hub,
    public maxMessage: number,
    public bodyTime: number,
    public authenticator: Authenticator,
    public authorizer: Authorizer,
    readonly limiter: Limiter,
    readonly sessionLimit: SessionLimit,
  ) {}

  /**
   * Publishes, if the caller may and the data fits.
   * @throws ThumpError `rate`, `invalid-room`, `forbidden`, `unauthorized`, `revoked`, `invalid-event`, `too-large`,
   * `malformed`, `invalid`, `key-reused`, `busy`
   */
  publish(context: RequestContext, incoming: PublishRequest): Publication | Promise<Publication> {
    return publish(this, context, incoming);
  }

  /** Whether as many rooms may be in use; asked before a session begins. @throws ThumpError `busy` */
  checkOpen({ principal, addressKey }: RequestContext, rooms: Iterable<string>): void {
    this.hub.roomLimits.check({ addressKey, user: principal.user }, rooms);
  }

  /** The session enters, if there is a place for it. @throws ThumpError `busy`, `rate` */
  admit(session: AuthorizedSession): void {
    this.sessionLimit.check(session);
    this.enter(session);
  }

  /** A session's connection is there. One whose token is not good any more since it shook hands ends at once. */
  enter(session: AuthorizedSession): void {
    this.hub.add(session);
    const { principal } = session.context;
    if (this.authenticator.revocations.covers(principal)) session.end(CLOSE.removed, "revoked");
    else if (!this.authenticator.isStillValid(principal))
      session.end(CLOSE.unauthorized, "the token is no longer good");
  }

  /** Ends a session that could not begin: it may not, after all, or the fault is ours. */
  fail(session: Session, error: unknown): void {
    if (error instanceof AuthError) session.end(CLOSE.removed, error.message);
    else this.hub.fail(session, error);
  }

  /** Authorizes a session to join rooms, and joins them. @throws ThumpError also those of `Hub.join` */
  authorizeAndJoin(
    context: RequestContext,
    session: Session,
    starts: JoinStarts,
    onJoined: (joined: JoinResult) => void,
  ): void | Promise<void> {
    const join = (authorized: AuthorizedStarts) => this.join(context, session, authorized, onJoined);
    const authorized = this.authorizeJoins(context, starts);
    return authorized instanceof Promise ? this.afterDecision(context, authorized, join) : join(authorized);
  }

  /** Joins rooms that were authorized before. @throws ThumpError also those of `Hub.join` */
  join(
    context: RequestContext,
    session: Session,
    { requested, starts, authorizer }: AuthorizedStarts,
    onJoined: (joined: JoinResult) => void,
  ): void | Promise<void> {
    if (session.ended) return undefined;
    // A reload has replaced the authorizer since: the new one decides.
    if (authorizer !== this.authorizer) return this.authorizeAndJoin(context, session, requested, onJoined);
    return this.hub.join(session, starts, onJoined);
  }

  /** Authorizes joins: `authorizeStart` for each room. @throws ThumpError the first that is thrown at once */
  authorizeJoins(
    context: RequestContext,
    requested: JoinStarts,
  ): AuthorizedStarts | Promise<AuthorizedStarts> {
    const { authorizer } = this;
    const decisions: (JoinStart | Promise<JoinStart>)[] = [];
    for (const [room, start] of requested) {
      const decision = this.authorizeStart(context, room, start);
      // Another room may be refused at once; then nothing awaits this promise.
      if (decision instanceof Promise) decision.catch(() => {});
      decisions.push(decision);
    }
    const byRoom = (starts: JoinStart[]): AuthorizedStarts => ({
      requested,
      starts: new Map([...requested.keys()].map((room, i) => [room, starts[i] as JoinStart])),
      authorizer,
    });
    return decisions.some((decision) => decision instanceof Promise)
      ? Promise.all(decisions).then(byRoom)
      : byRoom(decisions as JoinStart[]);
  }

  /**
   * Whether the caller may listen in a room from where it wants to start. To ask for the newest is to read history.
   * To ask for presence is to see who is there.
   * A cursor is for coming back: who may not read history does not get behind what it could have heard lately.
   * @throws ThumpError `invalid-room`, `forbidden`, `unauthorized`
   */
  authorizeStart(context: RequestContext, room: string, start: JoinStart): JoinStart | Promise<JoinStart> {
    let notBefore: number | undefined;
    const bound = () => void (notBefore = now() - this.authenticator.settings.resume);
    const decisions: Promise<void>[] = [];
    const wait = (decision: void | Promise<void>) => {
      if (!decision) return;
      // Another may be refused before, at once: then nobody waits for this one.
      decision.catch(() => {});
      decisions.push(decision);
    };
    wait(this.check(context, "join", room));
    if (start.presence) wait(this.check(context, "members", room));
    if (start.last) wait(this.check(context, "history", room));
    else if (start.after) wait(this.#unless(context, room, bound));
    const bounded = () => (notBefore === undefined ? start : { ...start, notBefore });
    return decisions.length > 0 ? Promise.all(decisions).then(bounded) : bounded();
  }

  /** Does something about a room of which the caller may not read the history. */
  #unless(context: RequestContext, room: string, run: () => void): void | Promise<void> {
    const refused = (error: unknown) => {
      if (!(error instanceof AuthError)) throw error;
      run();
    };
    try {
      return this.authorizer.check(context, "history", room)?.catch(refused);
    } catch (error) {
      refused(error);
    }
  }

  /** Whether the caller may do something in a room. @throws ThumpError `invalid-room`, `forbidden`, `unauthorized` */
  check(context: RequestContext, action: Action, room: string): void | Promise<void> {
    return this.authorizer.check(context, action, checkRoomName(room));
  }

  /** A room's publications after a position, or its newest. That the caller may have them was checked. */
  history(room: string, start: { after?: number | undefined; last: number }): Slice | Promise<Slice> {
    if (start.after === undefined) return this.hub.log.newest(room, start.last);
    return this.hub.histories.read(room, start.after, start.last);
  }

  /** Forgets what is kept of a room. @throws ThumpError `invalid-room`, `forbidden`, `unauthorized` */
  forget(context: RequestContext, room: string): void | Promise<void> {
    if (!this.authorizer.allowsServer(context, "forget", checkRoomName(room)))
      throw this.authorizer.refusal(context, `The history of "${room}" is not for everyone to forget.`);
    return this.hub.forget(room);
  }

  /** Does something that takes a right, once it is clear that the caller has it. @throws ThumpError as `check` */
  whenAllowed<T>(
    context: RequestContext,
    action: Action,
    room: string,
    run: () => T | Promise<T>,
  ): T | Promise<T> {
    const decision = this.check(context, action, room);
    const done = decision ? this.afterDecision(context, decision, run) : run();
    if (!(done instanceof Promise)) return done;
    // Reading from a log elsewhere takes a while, too.
    return done.then((answer) => {
      this.authenticator.recheck(context.principal);
      return answer;
    });
  }

  /** Continues once something is decided, if the caller's token is still good. @throws AuthError */
  afterDecision<D, T>(
    context: RequestContext,
    decision: Promise<D>,
    run: (decided: D) => T | Promise<T>,
  ): Promise<T> {
    return this.holdUntilDecided(context, decision, (decided) => {
      this.authenticator.recheck(context.principal);
      return run(decided);
    });
  }

  /** Continues once something is decided. Until then the caller's other wishes wait, so that none overtakes this. */
  async holdUntilDecided<D, T>(
    context: RequestContext,
    decision: Promise<D>,
    run: (decided: D) => T | Promise<T>,
  ): Promise<T> {
    context.deciding = true;
    try {
      const decided = await decision;
      return await run(decided);
    } finally {
      // In a turn of its own: what this was about is answered first.
      setImmediate(() => {
        context.deciding = false;
        context.session?.onDecided();
      });
    }
  }
}
