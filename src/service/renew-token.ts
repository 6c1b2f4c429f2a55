// Renewal: a live session shows a new token before the old one is over, and stays.
import { ThumpError } from "../protocol/codes.ts";
import type { Session } from "../hub/session.ts";
import type { Asker, Caller } from "../auth/principal.ts";
import type { Door } from "./room-service.ts";
import { leaveForbidden } from "./recheck.ts";
import { Refusal } from "../auth/auth-error.ts";

/**
 * Puts a new token in place of the old one. It must be of the same user; only a session without a user may become
 * somebody's, before it is in any room.
 * @param onLeft told of rooms that the session was in and may not be in any more
 * @throws ThumpError `unauthorized`, `revoked`, `forbidden`, `no-secret`, `unavailable`
 */
export function renew(
  door: Door,
  asker: Asker,
  session: Session,
  token: string,
  onLeft: (room: string, why: Refusal) => void,
): Caller | Promise<Caller> {
  if (!door.access.secured)
    throw new ThumpError("no-secret", "This server has no secret: everybody who reaches it may use it.");
  const take = (fresh: Caller): Caller | Promise<Caller> => {
    checkSameUser(asker.caller, fresh, session);
    asker.caller = fresh;
    session.identity = fresh;
    door.hub.presence.renewed(session);
    asker.decisions?.clear();
    return leaveForbidden(door, asker, session, onLeft)?.then(() => fresh) ?? fresh;
  };
  const fresh = door.access.verify(token);
  return fresh instanceof Promise ? door.hold(asker, fresh, take) : take(fresh);
}

function checkSameUser(old: Caller, fresh: Caller, session: Session): void {
  const refuse = (why: string): never => {
    throw new Refusal("forbidden", why, "insufficient_scope");
  };
  if (old.kind === "key") refuse("This session came with an API key, which does not expire.");
  if (old.user === fresh.user) return;
  if (old.user !== undefined) refuse("The token is of another user. Open another connection for them.");
  if (session.memberships.size > 0) refuse("Rooms know this session without a user. Leave them first.");
}
