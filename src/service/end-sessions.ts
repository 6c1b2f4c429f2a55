// Ends sessions and revokes tokens, on this node or on all nodes of a cluster.
import type { Hub } from "../hub/hub.ts";
import type { Identity, Session } from "../hub/session.ts";
import type { SessionRemoval, Revocation } from "../log/peers.ts";
import { CLOSE, ThumpError } from "../protocol/codes.ts";
import type { Authenticator } from "../auth/authenticator.ts";
import type { Revocations } from "../auth/revocations.ts";
import type { RoomService } from "./room-service.ts";

/**
 * Ends sessions on all nodes. Returns the number of sessions that ended.
 * @throws ThumpError `unavailable` if other nodes cannot be reached
 */
export async function endSessionsEverywhere(
  { hub, authenticator }: RoomService,
  removal: SessionRemoval,
): Promise<number> {
  const { peers } = hub.log;
  const { ended, revoked } = endSessions(hub, authenticator, removal);
  if (!peers) return ended;
  // A session exists on only one node.
  if (removal.session !== undefined && ended > 0 && revoked.length === 0) return ended;
  for (const one of revoked) await peers.remember(one);
  return ended + (await peers.remove(removal));
}

/** Refuses revocations if the server accepts no tokens. @throws ThumpError `no-secret` */
export function checkRevocable({ authenticator }: RoomService): void {
  if (!authenticator.takesTokens)
    throw new ThumpError("no-secret", "This server accepts no tokens, so there is nothing to revoke.");
}

/**
 * Revokes tokens and ends their sessions, on all nodes.
 * @param tokens identifies the tokens: by user, by session, or by the token itself
 * @param until when the server may delete the revocation, in ms since 1970; by default, when the last token has expired
 * @throws ThumpError `invalid` if `until` is in the past; `unavailable`
 */
export async function revokeEverywhere(
  service: RoomService,
  tokens: Pick<SessionRemoval, "user" | "session" | "token">,
  until: number | undefined,
): Promise<{ ended: number; until: number }> {
  const { lifetime, leeway } = service.authenticator.settings;
  const end = until ?? Date.now() + lifetime + leeway;
  if (end <= Date.now()) {
    throw new ThumpError("invalid", "until is in the past. Specify it in ms since 1970.", [
      { path: "/until", message: "is in the past" },
    ]);
  }
  const revoked = { at: Date.now(), until: end };
  return { ended: await endSessionsEverywhere(service, { ...tokens, revoked }), until: end };
}

/** Ends sessions on this node. Returns the number of sessions that ended, and the revocations that were added. */
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
  // Revocations are added before the sessions end, so that a client that reconnects at once is refused.
  for (const one of all) authenticator.revocations.add(one);
  const fits = (one: Session) =>
    one === named ||
    (user !== undefined && one.identity.user === user) ||
    (id !== undefined && one.identity.token === id);
  return { ended: endMatching(hub, fits, revoked ? "revoked" : "removed"), revoked: all };
}

/**
 * The hashes of a user's known tokens whose issue time is in the future (within the leeway). They must be revoked by
 * hash, because revoking the user covers only tokens issued in the past.
 */
function issuedAhead(hub: Hub, authenticator: Authenticator, user: string, at: number): Set<string> {
  const ahead = new Set<string>();
  const addIfAhead = ({ user: owner, hash, issued = 0 }: Identity) => {
    if (owner === user && issued > at && hash !== undefined) ahead.add(hash);
  };
  for (const { identity } of hub.sessions.values()) addIfAhead(identity);
  for (const principal of authenticator.recentPrincipals()) addIfAhead(principal);
  return ahead;
}

/** Adds revocations from other nodes and ends the sessions that they cover. */
export function revokeAll(hub: Hub, revocations: Revocations, all: Revocation[]): void {
  const added = all.filter((one) => revocations.add(one));
  if (added.length > 0) endMatching(hub, ({ identity }) => revocations.covers(identity), "revoked");
}

/** Ends the sessions that match, and returns their number. */
function endMatching(hub: Hub, matches: (session: Session) => boolean, reason: string): number {
  let ended = 0;
  for (const session of hub.sessions.values()) {
    if (!matches(session)) continue;
    session.end(CLOSE.removed, reason);
    ended++;
  }
  return ended;
}
