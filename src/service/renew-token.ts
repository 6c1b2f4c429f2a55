// Renewal: a live session shows a new token before the old one is over, and stays.
import { ThumpError } from "../protocol/codes.ts";
import type { Session } from "../hub/session.ts";
import type { RequestContext, Principal } from "../auth/principal.ts";
import type { RoomService } from "./room-service.ts";
import { leaveForbidden } from "./recheck.ts";
import { AuthError } from "../auth/auth-error.ts";

/**
 * Puts a new token in place of the old one. It must be of the same user; only a session without a user may become
 * somebody's, before it is in any room.
 * @param onLeft told of rooms that the session was in and may not be in any more
 * @throws ThumpError `unauthorized`, `revoked`, `forbidden`, `no-secret`, `unavailable`
 */
export function renewToken(
  service: RoomService,
  context: RequestContext,
  session: Session,
  token: string,
  onLeft: (room: string, why: AuthError) => void,
): Principal | Promise<Principal> {
  if (!service.authenticator.isConfigured)
    throw new ThumpError("no-secret", "This server has no secret: everybody who reaches it may use it.");
  const take = (fresh: Principal): Principal | Promise<Principal> => {
    checkSameUser(context.principal, fresh, session);
    context.principal = fresh;
    session.identity = fresh;
    service.hub.presence.renewed(session);
    context.decisions?.clear();
    return leaveForbidden(service, context, session, onLeft)?.then(() => fresh) ?? fresh;
  };
  const fresh = service.authenticator.verify(token);
  return fresh instanceof Promise ? service.holdUntilDecided(context, fresh, take) : take(fresh);
}

function checkSameUser(old: Principal, fresh: Principal, session: Session): void {
  const refuse = (why: string): never => {
    throw new AuthError("forbidden", why, "insufficient_scope");
  };
  if (old.kind === "key") refuse("This session came with an API key, which does not expire.");
  if (old.user === fresh.user) return;
  if (old.user !== undefined) refuse("The token is of another user. Open another connection for them.");
  if (session.memberships.size > 0) refuse("Rooms know this session without a user. Leave them first.");
}
