// Recheck: after other rules, keys or hooks are in force, a live session may do what a new one may, and no more.
import type { Membership, Session } from "../hub/session.ts";
import { CLOSE } from "../protocol/codes.ts";
import { presenceOff } from "../protocol/presence-messages.ts";
import type { Action } from "../auth/actions.ts";
import type { Asker } from "../auth/principal.ts";
import type { Door } from "./room-service.ts";
import type { Origins } from "../auth/origins.ts";
import { Refusal } from "../auth/auth-error.ts";

/** Sessions and rooms that are looked at in one tick. */
const CHECKS_PER_TICK = 500;

/** A session that somebody asked for, as all of the transports' are. */
export interface AskingSession extends Session {
  readonly asker: Asker;
  /** It is in a room no more, which it did not ask for: tells the client why, or ends where it cannot. */
  left(room: string, why: Refusal): void;
}

/** Looks at all sessions, a few a tick. Those that come meanwhile were let in by what is in force now. */
export async function recheckAll(door: Door, origins: Origins): Promise<void> {
  let checks = 0;
  for (const session of door.hub.sessions.values()) {
    if (!isAsking(session)) continue;
    checks += 1 + session.memberships.size;
    recheck(door, origins, session);
    if (checks < CHECKS_PER_TICK) continue;
    checks = 0;
    await new Promise(setImmediate);
  }
}

function isAsking(session: Session): session is AskingSession {
  return "asker" in session;
}

function recheck(door: Door, origins: Origins, session: AskingSession): void {
  const { page } = session.asker;
  if (page && !origins.allows(page.origin, page.host))
    return session.end(CLOSE.removed, "pages from its origin may not use this server any more");
  if (!door.access.believes(session.asker.caller))
    return session.end(CLOSE.unauthorized, "what its token was signed with is no longer good");
  leaveForbidden(door, session.asker, session, (room, why) => session.left(room, why))?.catch(
    (error: unknown) => door.hub.fail(session, error),
  );
}

/**
 * Takes a session out of rooms that it may not be in, and from the presence that it may not see.
 * @param onLeft called for each room that it was in and may not be in any more
 */
export function leaveForbidden(
  door: Door,
  asker: Asker,
  session: Session,
  onLeft: (room: string, why: Refusal) => void,
): Promise<unknown> | undefined {
  const leave = (room: string) => (error: unknown) => {
    if (!(error instanceof Refusal)) throw error;
    if (session.ended || !session.memberships.has(room)) return;
    door.hub.leave(session, room);
    onLeft(room, error);
  };
  const decisions: Promise<void>[] = [];
  const check = (action: Action, room: string, otherwise: (error: unknown) => void) => {
    try {
      const decision = door.check(asker, action, room);
      if (decision) decisions.push(decision.catch(otherwise));
    } catch (error) {
      otherwise(error);
    }
  };
  for (const [room, membership] of session.memberships) {
    check("join", room, leave(room));
    if (membership.presence && !session.ended) check("members", room, endPresence(door, membership));
  }
  return decisions.length > 0 ? Promise.all(decisions) : undefined;
}

/** It stays in the room, but is not told any more who is there. */
function endPresence({ hub }: Door, membership: Membership): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof Refusal)) throw error;
    if (!membership.presence || !membership.room.members.has(membership)) return;
    hub.fanOut.listeners.end(membership);
    membership.session.tellPresence(presenceOff(membership.room.name));
  };
}
