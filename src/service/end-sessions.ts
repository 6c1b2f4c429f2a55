// Ends sessions that are to end, and remembers what is revoked: on this node, for whoever wants it, here or elsewhere.
import type { Hub } from "../hub/hub.ts";
import type { Identity, Session } from "../hub/session.ts";
import type { SessionRemoval, Revocation } from "../log/peers.ts";
import { CLOSE } from "../protocol/codes.ts";
import type { Authenticator } from "../auth/authenticator.ts";
import type { Revocations } from "../auth/revocations.ts";

/** Does it, here. Returns how many sessions ended, and what is revoked since. */
export function endSessions(
  hub: Hub,
  authenticator: Authenticator,
  { user, session, token, revoked }: SessionRemoval,
): { ended: number; revoked: Revocation[] } {
  const named = session === undefined ? undefined : hub.sessions.get(session);
  const id = token ?? (revoked && named?.identity.token);
  const all: Revocation[] = [];
  if (revoked && user !== undefined) {
    all.push({ user, ...revoked });
    for (const hash of issuedAhead(hub, authenticator, user, revoked.at))
      all.push({ token: hash, at: 0, until: revoked.until });
  }
  if (revoked && id !== undefined) all.push({ token: id, at: 0, until: revoked.until });
  // First to the list, then to those who are here: who comes between the two is refused.
  for (const one of all) authenticator.revocations.add(one);
  const fits = (one: Session) =>
    one === named ||
    (user !== undefined && one.identity.user === user) ||
    (id !== undefined && one.identity.token === id);
  return { ended: endMatching(hub, fits, revoked ? "revoked" : "removed"), revoked: all };
}

/**
 * The hashes of a user's tokens that were shown already and say that they were issued later than now, which the leeway
 * lets pass: revoking the user by time does not cover them.
 */
function issuedAhead(hub: Hub, authenticator: Authenticator, user: string, at: number): Set<string> {
  const ahead = new Set<string>();
  const look = ({ user: whose, hash, issued = 0 }: Identity) => {
    if (whose === user && issued > at && hash !== undefined) ahead.add(hash);
  };
  for (const { identity } of hub.sessions.values()) look(identity);
  for (const principal of authenticator.recentPrincipals()) look(principal);
  return ahead;
}

/** What was revoked elsewhere counts here: those who came with it end. */
export function revokeAll(hub: Hub, revocations: Revocations, all: Revocation[]): void {
  const news = all.filter((one) => revocations.add(one));
  if (news.length > 0) endMatching(hub, ({ identity }) => revocations.covers(identity), "revoked");
}

/** Ends the sessions that fit, and says how many they were. */
function endMatching(hub: Hub, fits: (session: Session) => boolean, reason: string): number {
  let ended = 0;
  for (const session of hub.sessions.values()) {
    if (!fits(session)) continue;
    session.end(CLOSE.removed, reason);
    ended++;
  }
  return ended;
}
