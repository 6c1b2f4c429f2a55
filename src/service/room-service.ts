// RoomService: entry point for all room operations. It validates, rate-limits and authorizes each one.
import { CLOSE, ThumpError } from "../protocol/codes.ts";
import type { Cursor } from "../protocol/cursor.ts";
import { checkRoomName } from "../protocol/names.ts";
import type { Publication, Slice } from "../protocol/publication.ts";
import type { Hub } from "../hub/hub.ts";
import type { JoinResult, JoinStarts } from "../hub/join.ts";
import type { TraceContext } from "../hub/publish-pipeline.ts";
import type { Session } from "../hub/session.ts";
import type { Authenticator } from "../auth/authenticator.ts";
import type { Action, Operation } from "../auth/actions.ts";
import { BodyMemory } from "../limits/body-memory.ts";
import type { Principal, RequestContext } from "../auth/principal.ts";
import type { Limiter } from "../limits/limiter.ts";
import type { SessionLimit } from "../limits/session-limit.ts";
import type { RateKind } from "../limits/token-buckets.ts";
import type { Authorizer } from "../auth/authorizer.ts";
import { type AuthorizedStarts, authorizeJoins } from "./authorize-joins.ts";
import { type PublishRequest, publish } from "./publish.ts";
import type { AuthorizedSession } from "./recheck.ts";
import { AuthError } from "../auth/auth-error.ts";

export class RoomService {
  readonly bodyMemory = new BodyMemory();
  /** Maximum idle time of a connection between two requests, in seconds. */
  idleTime = 10;

  /**
   * A reload may replace `maxMessage`, `bodyTime`, `authenticator` and `authorizer`.
   * @param maxMessage maximum data size of a publication, in bytes
   * @param bodyTime maximum time to receive a request body, in ms
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
   * Authorizes, validates and publishes.
   * @throws ThumpError `rate`, `invalid-room`, `forbidden`, `unauthorized`, `revoked`, `invalid-event`, `too-large`,
   * `malformed`, `invalid`, `key-reused`, `busy`
   */
  publish(context: RequestContext, incoming: PublishRequest): Publication | Promise<Publication> {
    return publish(this, context, incoming);
  }

  /** Checks the limits on open rooms before a session starts. @throws ThumpError `busy` */
  checkOpen({ principal, addressKey }: RequestContext, rooms: Iterable<string>): void {
    this.hub.roomLimits.check({ addressKey, user: principal.user }, rooms);
  }

  /** Checks that one more session is allowed. See `SessionLimit.check`. @throws ThumpError `busy`, `rate` */
  checkSessionLimit(context: { addressKey?: string | undefined }): void {
    this.sessionLimit.check(context);
  }

  /** Checks the session limit and adds a session to the hub. @throws ThumpError `busy`, `rate` */
  admit(session: AuthorizedSession): void {
    this.checkSessionLimit(session);
    this.enter(session);
  }

  /** Adds a session to the hub. Ends the session if its token became invalid during the handshake. */
  enter(session: AuthorizedSession): void {
    this.hub.add(session);
    const { principal } = session.context;
    if (this.authenticator.revocations.covers(principal)) session.end(CLOSE.removed, "revoked");
    else if (!this.authenticator.isStillValid(principal))
      session.end(CLOSE.unauthorized, "the token is no longer valid");
  }

  /** Ends a session that could not join its rooms. */
  fail(session: Session, error: unknown): void {
    if (error instanceof AuthError) session.end(CLOSE.removed, error.message);
    else this.hub.fail(session, error);
  }

  /**
   * Converts a thrown value into the error that the client receives, and counts it. A value that is not a `ThumpError`
   * is logged and becomes `internal`.
   */
  recordError(thrown: unknown): ThumpError {
    let error = thrown;
    if (!(error instanceof ThumpError)) {
      this.hub.events.fault("internal error", error);
      error = new ThumpError("internal", "Something went wrong in the server. It has been logged.");
    }
    const known = error as ThumpError;
    this.hub.stats.rejected(known.code);
    this.hub.events.rejected?.(known);
    return known;
  }

  /**
   * Charges a rate limit. For `publishes`, `bytes` is the size of the data. See `Limiter.take`.
   * @throws ThumpError `rate`
   */
  takeRate(context: RequestContext, kind: RateKind, cost = 1, bytes = 0): void {
    this.limiter.take(context, kind, cost, bytes);
  }

  /** Throws while the `reads` bucket is in debt. @throws ThumpError `rate` */
  checkReads(context: RequestContext): void {
    this.limiter.check(context, "reads");
  }

  /** Charges the bytes of a read to the `reads` bucket. Returns how long the next read must wait, in ms. */
  chargeReads(context: RequestContext, bytes: number): number {
    return this.limiter.charge(context, "reads", bytes);
  }

  /** Whether a session repeatedly ignores `retry`. See `Limiter.ignoresRetry`. */
  ignoresRetry(context: RequestContext, retry: number): boolean {
    return this.limiter.ignoresRetry(context, retry);
  }

  /** Authorizes a session to join rooms, and joins them. @throws ThumpError including the errors of `Hub.join` */
  authorizeAndJoin(
    context: RequestContext,
    session: Session,
    starts: JoinStarts,
    onJoined: (joined: JoinResult) => void,
  ): void | Promise<void> {
    const join = (authorized: AuthorizedStarts) => this.join(context, session, authorized, onJoined);
    const authorized = authorizeJoins(this, context, starts);
    return authorized instanceof Promise ? this.afterDecision(context, authorized, join) : join(authorized);
  }

  /** Joins rooms that have already been authorized. @throws ThumpError including the errors of `Hub.join` */
  join(
    context: RequestContext,
    session: Session,
    { requested, starts, authorizer }: AuthorizedStarts,
    onJoined: (joined: JoinResult) => void,
  ): void | Promise<void> {
    if (session.ended) return undefined;
    // If a reload has replaced the authorizer in the meantime, the new authorizer decides.
    if (authorizer !== this.authorizer) return this.authorizeAndJoin(context, session, requested, onJoined);
    return this.hub.join(session, starts, onJoined);
  }

  /** Authorizes an action in a room. @throws ThumpError `invalid-room`, `forbidden`, `unauthorized` */
  check(context: RequestContext, action: Action, room: string): void | Promise<void> {
    return this.authorizer.check(context, action, checkRoomName(room));
  }

  /** Refuses anonymous clients if no rule admits them anywhere. @throws AuthError `unauthorized`, `forbidden` */
  checkAuthenticated(context: RequestContext, message: string): void {
    this.authorizer.checkAuthenticated(context, message);
  }

  /** Authorizes an operation on the server. @throws AuthError `unauthorized`, `forbidden` */
  checkOperation(context: RequestContext, operation: Operation): void {
    this.authorizer.checkOperation(context, operation);
  }

  /** Whether credentials are configured. */
  get isSecured(): boolean {
    return this.authorizer.secured;
  }

  /** Whether an `authorize` hook is configured. */
  get hasAuthorizeHook(): boolean {
    return this.authorizer.authorize !== undefined;
  }

  /** See `Authenticator.recheck`. @throws AuthError `unauthorized`, `revoked` */
  recheck(principal: Principal): void {
    this.authenticator.recheck(principal);
  }

  /** The trace of a publication, from the `traceparent` of its request; undefined if tracing is off. */
  traceOf(context: RequestContext, request: Request): TraceContext | undefined {
    const traceparent = this.hub.pipeline.trace && request.headers.get("traceparent");
    return traceparent ? { traceparent, trusted: this.authorizer.isTrusted(context) } : undefined;
  }

  /**
   * Waits until the log has reached a cursor, which a different node may have issued. Returns undefined if the log has
   * already reached it.
   */
  catchUpTo(cursor: Cursor | undefined): void | Promise<void> {
    return this.hub.log.catchUpTo?.(cursor);
  }

  /**
   * Returns a room's publications after a position, or the room's newest publications. The caller must have checked the
   * permission.
   */
  history(room: string, start: { after?: number | undefined; last: number }): Slice | Promise<Slice> {
    if (start.after === undefined) return this.hub.log.newest(room, start.last);
    return this.hub.histories.read(room, start.after, start.last);
  }

  /** The number of sessions in a room on this node. */
  sessionsIn(room: string): number {
    return this.hub.rooms.get(room)?.members.size ?? 0;
  }

  /**
   * Returns the seq of the newest publication in a room. If no session on this node is in the room, returns the newest
   * seq across all rooms.
   */
  newestIn(room: string): number {
    return this.hub.rooms.get(room)?.history.last ?? this.hub.position;
  }

  /** The members of a room as JSON fields. The caller must have checked the permission. */
  members(room: string): string | Promise<string> {
    return this.hub.presence.list(room);
  }

  /** Deletes the stored messages of a room. @throws ThumpError `invalid-room`, `forbidden`, `unauthorized` */
  forget(context: RequestContext, room: string): void | Promise<void> {
    if (!this.authorizer.allowsServer(context, "forget", checkRoomName(room)))
      throw this.authorizer.refusal(context, `You may not delete the history of "${room}".`);
    return this.hub.forget(room);
  }

  /** Authorizes an action in a room and then runs it. @throws ThumpError as `check` */
  whenAllowed<T>(
    context: RequestContext,
    action: Action,
    room: string,
    run: () => T | Promise<T>,
  ): T | Promise<T> {
    const decision = this.check(context, action, room);
    const done = decision ? this.afterDecision(context, decision, run) : run();
    if (!(done instanceof Promise)) return done;
    // The token can expire while a remote log is read.
    return done.then((answer) => {
      this.recheck(context.principal);
      return answer;
    });
  }

  /** Waits for a decision, rechecks the token, and continues with `run`. @throws AuthError */
  afterDecision<D, T>(
    context: RequestContext,
    decision: Promise<D>,
    run: (decided: D) => T | Promise<T>,
  ): Promise<T> {
    return this.holdUntilDecided(context, decision, (decided) => {
      this.recheck(context.principal);
      return run(decided);
    });
  }

  /**
   * Waits for a decision and continues with `run`. Until the decision, later frames from the session wait, to preserve
   * their order.
   */
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
      // Runs in a later tick, after the reply to this operation has been sent.
      setImmediate(() => {
        context.deciding = false;
        context.session?.onDecided();
      });
    }
  }
}
