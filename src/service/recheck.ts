// Recheck after a reload: applies new rules, keys and hooks to the sessions that are already connected.
import type { Membership, Session } from "../hub/session.ts";
import { CLOSE } from "../protocol/codes.ts";
import { presenceOff } from "../protocol/presence-messages.ts";
import type { Action } from "../auth/actions.ts";
import type { RequestContext } from "../auth/principal.ts";
import type { RoomService } from "./room-service.ts";
import type { Origins } from "../auth/origins.ts";
import { AuthError } from "../auth/auth-error.ts";

/** Number of sessions and memberships checked per tick. */
const CHECKS_PER_TICK = 500;

/** A session with the context that authorizes it. Transports create such sessions. */
export interface AuthorizedSession extends Session {
  readonly context: RequestContext;
  /**
   * Called when the server has removed the session from a room. Notifies the client, or ends the session if the
   * transport cannot notify it.
   */
  removedFrom(room: string, why: AuthError): void;
}

/**
 * Rechecks all sessions, a limited number per tick. Sessions that connect in the meantime are already authorized with
 * the new settings.
 */
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
    return session.end(CLOSE.removed, "the origin of the page is no longer allowed");
  if (!service.authenticator.isStillValid(session.context.principal))
    return session.end(CLOSE.unauthorized, "the key of the token is no longer accepted");
  leaveForbidden(service, session.context, session, (room, why) => session.removedFrom(room, why))?.catch(
    (error: unknown) => service.hub.fail(session, error),
  );
}

/**
 * Removes a session from rooms and presence subscriptions that it is no longer authorized for.
 * @param onLeft called for each room that the session left
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

/** Ends a presence subscription. The session stays in the room. */
function endPresence({ hub }: RoomService, membership: Membership): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof AuthError)) throw error;
    if (!membership.presence || !membership.room.members.has(membership)) return;
    hub.fanOut.presence.end(membership);
    membership.session.sendPresence(presenceOff(membership.room.name));
  };
}
