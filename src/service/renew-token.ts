// Token renewal: a session replaces its token before the token expires, and stays connected.
import { ThumpError } from "../protocol/codes.ts";
import type { Session } from "../hub/session.ts";
import type { RequestContext, Principal } from "../auth/principal.ts";
import type { RoomService } from "./room-service.ts";
import { leaveForbidden } from "./recheck.ts";
import { AuthError } from "../auth/auth-error.ts";

/**
 * Replaces the token of a session. The new token must belong to the same user. A session without a user may switch to a
 * user's token if it has not joined a room.
 * @param onLeft called for each room that the new token no longer permits
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
    throw new ThumpError("no-secret", "This server has no credentials configured, so it accepts no tokens.");
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
  if (old.kind === "key") refuse("This session uses an API key, which does not expire.");
  if (old.user === fresh.user) return;
  if (old.user !== undefined)
    refuse("The token belongs to a different user. Open a new connection for that user.");
  if (session.memberships.size > 0) refuse("This session joined rooms without a user. Leave them first.");
}
