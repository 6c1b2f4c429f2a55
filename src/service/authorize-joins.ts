// Authorization of joins: one decision per room, with a limit on how far back a cursor may reach.
import { AuthError } from "../auth/auth-error.ts";
import type { Authorizer } from "../auth/authorizer.ts";
import type { RequestContext } from "../auth/principal.ts";
import type { JoinStart, JoinStarts } from "../hub/join.ts";
import { now } from "../log/clock.ts";
import type { RoomService } from "./room-service.ts";

/** Authorized joins. */
export interface AuthorizedStarts {
  /** The start positions as requested. */
  readonly requested: JoinStarts;
  /** The start positions, limited to the history that the client may read. */
  readonly starts: JoinStarts;
  /** The authorizer that made the decisions. */
  readonly authorizer: Authorizer;
}

/**
 * Authorizes joins by calling `authorizeStart` for each room.
 * @throws ThumpError the first synchronous error
 */
export function authorizeJoins(
  service: RoomService,
  context: RequestContext,
  requested: JoinStarts,
): AuthorizedStarts | Promise<AuthorizedStarts> {
  const { authorizer } = service;
  const decisions: (JoinStart | Promise<JoinStart>)[] = [];
  for (const [room, start] of requested) {
    const decision = authorizeStart(service, context, room, start);
    // If a later room fails synchronously, nothing else handles the rejection of this promise.
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
 * Authorizes one join and returns its start position. `last` requires permission for `history`, and `presence` requires
 * permission for `members`. A cursor requires neither: a client that may not read the history can still resume, but
 * receives only messages that are not older than `access.resume`.
 * @throws ThumpError `invalid-room`, `forbidden`, `unauthorized`
 */
export function authorizeStart(
  service: RoomService,
  context: RequestContext,
  room: string,
  start: JoinStart,
): JoinStart | Promise<JoinStart> {
  let notBefore: number | undefined;
  const limitHistory = () => void (notBefore = now() - service.authenticator.settings.resume);
  const decisions: Promise<void>[] = [];
  const wait = (decision: void | Promise<void>) => {
    if (!decision) return;
    // If a later check fails synchronously, nothing else handles the rejection of this promise.
    decision.catch(() => {});
    decisions.push(decision);
  };
  wait(service.check(context, "join", room));
  if (start.presence) wait(service.check(context, "members", room));
  if (start.last) wait(service.check(context, "history", room));
  else if (start.after) wait(unlessHistoryAllowed(service, context, room, limitHistory));
  const limited = () => (notBefore === undefined ? start : { ...start, notBefore });
  return decisions.length > 0 ? Promise.all(decisions).then(limited) : limited();
}

/** Calls `run` if the client may not read the room's history. */
function unlessHistoryAllowed(
  { authorizer }: RoomService,
  context: RequestContext,
  room: string,
  run: () => void,
): void | Promise<void> {
  const refused = (error: unknown) => {
    if (!(error instanceof AuthError)) throw error;
    run();
  };
  try {
    return authorizer.check(context, "history", room)?.catch(refused);
  } catch (error) {
    refused(error);
  }
}
