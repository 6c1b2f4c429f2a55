// Recheck: after other rules, keys or hooks are in force, a live session may do what a new one may, and no more.
import type { Membership, Session } from "../hub/session.ts";
import { CLOSE } from "../protocol/codes.ts";
import { presenceOff } from "../protocol/presence-messages.ts";
import type { Action } from "../auth/actions.ts";
import type { RequestContext } from "../auth/principal.ts";
import type { RoomService } from "./room-service.ts";
import type { Origins } from "../auth/origins.ts";
import { AuthError } from "../auth/auth-error.ts";

/** Sessions and rooms that are looked at in one tick. */
const CHECKS_PER_TICK = 500;

/** A session that somebody asked for, as all of the transports' are. */
export interface AuthorizedSession extends Session {
  readonly context: RequestContext;
  /** It is in a room no more, which it did not ask for: tells the client why, or ends where it cannot. */
  removedFrom(room: string, why: AuthError): void;
}

/** Looks at all sessions, a few a tick. Those that come meanwhile were let in by what is in force now. */
export async function recheckAll(service: RoomService, origins: Origins): Promise<void> {
  let checks = 0;
  for (const session of service.hub.sessions.values()) {
    if (!isAuthorized(session)) continue;
    checks += 1 + session.memberships.size;
    recheck(service, origins, session);
    if (checks < CHECKS_PER_TICK) continue;
    checks = 0;
    await new Promise(setImmediate);
  }
}

function isAuthorized(session: Session): session is AuthorizedSession {
  return "context" in session;
}

function recheck(service: RoomService, origins: Origins, session: AuthorizedSession): void {
  const { webPage } = session.context;
  if (webPage && !origins.allows(webPage.origin, webPage.host))
    return session.end(CLOSE.removed, "pages from its origin may not use this server any more");
  if (!service.authenticator.isStillValid(session.context.principal))
    return session.end(CLOSE.unauthorized, "what its token was signed with is no longer good");
  leaveForbidden(service, session.context, session, (room, why) => session.removedFrom(room, why))?.catch(
    (error: unknown) => service.hub.fail(session, error),
  );
}

/**
 * Takes a session out of rooms that it may not be in, and from the presence that it may not see.
 * @param onLeft called for each room that it was in and may not be in any more
 */
export function leaveForbidden(
  service: RoomService,
  context: RequestContext,
  session: Session,
  onLeft: (room: string, why: AuthError) => void,
): Promise<unknown> | undefined {
  const leave = (room: string) => (error: unknown) => {
    if (!(error instanceof AuthError)) throw error;
    if (session.ended || !session.memberships.has(room)) return;
    service.hub.leave(session, room);
    onLeft(room, error);
  };
  const decisions: Promise<void>[] = [];
  const check = (action: Action, room: string, otherwise: (error: unknown) => void) => {
    try {
      const decision = service.check(context, action, room);
      if (decision) decisions.push(decision.catch(otherwise));
    } catch (error) {
      otherwise(error);
    }
  };
  for (const [room, membership] of session.memberships) {
    check("join", room, leave(room));
    if (membership.presence && !session.ended) check("members", room, endPresence(service, membership));
  }
  return decisions.length > 0 ? Promise.all(decisions) : undefined;
}

/** It stays in the room, but is not told any more who is there. */
function endPresence({ hub }: RoomService, membership: Membership): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof AuthError)) throw error;
    if (!membership.presence || !membership.room.members.has(membership)) return;
    hub.fanOut.presence.end(membership);
    membership.session.sendPresence(presenceOff(membership.room.name));
  };
}
