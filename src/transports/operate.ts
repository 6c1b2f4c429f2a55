// What operators ask for over HTTP: lists of rooms, ending sessions, revoking tokens.
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import type { Asker } from "../access/caller.ts";
import type { Door } from "../access/door.ts";
import type { Session } from "../hub/session.ts";
import { fieldErrors } from "../protocol/check.ts";
import { CLOSE, ThumpError } from "../protocol/codes.ts";
import { roomsAnswer } from "./answers.ts";
import { readJson, readQuery, readSegment } from "./request.ts";

/** `GET /rooms?match=chat:*&cursor=…&limit=100` */
export async function listRooms(
  door: Door,
  request: Request,
  _server: unknown,
  asker: Asker,
): Promise<Response> {
  if (door.policy.closed && asker.caller.kind !== "key")
    throw door.policy.refusal(asker, "It takes an API key that may list rooms.");
  const { match, cursor, limit } = readQuery(request);
  return Response.json(
    await roomsAnswer(door, asker, {
      ...(match === undefined ? {} : { match }),
      ...(cursor === undefined ? {} : { cursor }),
      ...(limit === undefined ? {} : { limit: Number(limit) }),
    }),
  );
}

/** `DELETE /sessions/:id` */
export function endSession(door: Door, request: Request, _server: unknown, asker: Asker): Response {
  door.policy.checkOperation(asker, "disconnect");
  sessionOf(door, readSegment(request)).end(CLOSE.removed, "removed");
  return new Response(null, { status: 204 });
}

/** `DELETE /users/:user/sessions` */
export function endUserSessions(door: Door, request: Request, _server: unknown, asker: Asker): Response {
  door.policy.checkOperation(asker, "disconnect");
  const user = readSegment(request, "/sessions");
  return Response.json({ ended: endAll(door, ({ identity }) => identity.user === user, "removed") });
}

const name = (description: string) => Type.Optional(Type.String({ minLength: 1, description }));

/** What is to be taken back: one of the three, not more. */
export const Revocation = Type.Object(
  {
    user: name("Every token of this user that was issued up to now."),
    session: name("The token that this session came with."),
    token: name("The token with this `jti`."),
    until: Type.Optional(Type.Number({ description: "How long to remember it, in ms since 1970." })),
  },
  { additionalProperties: false },
);
const revocation = Compile(Revocation);
const MAX_BODY = 16 * 1024;

/** `POST /revoke` with `{"user"}`, `{"session"}` or `{"token"}`, and perhaps `"until"` in ms since 1970. */
export async function revoke(
  door: Door,
  request: Request,
  _server: unknown,
  asker: Asker,
): Promise<Response> {
  door.policy.checkOperation(asker, "revoke");
  const { access } = door;
  if (!access.takesTokens)
    throw new ThumpError("no-secret", "This server takes no tokens that could be revoked.");
  const { user, session, token, until } = checkRevocation(await readJson(request, MAX_BODY, door));
  const { lifetime, leeway } = access.settings;
  const end = until ?? Date.now() + lifetime + leeway;
  if (end <= Date.now()) {
    throw new ThumpError("invalid", "until is in the past; it is in ms since 1970.", [
      { path: "/until", message: "is in the past" },
    ]);
  }
  // First to the list, then to those who are here: who comes between the two finds the door closed.
  if (user !== undefined) access.revocations.revokeUser(user, end);
  const named = session === undefined ? undefined : sessionOf(door, session);
  const id = token ?? named?.identity.token;
  if (id !== undefined) access.revocations.revokeToken(id, end);
  const ended = endAll(
    door,
    (one) =>
      one === named ||
      (user !== undefined && one.identity.user === user) ||
      (id !== undefined && one.identity.token === id),
    "revoked",
  );
  return Response.json({ ended, until: end });
}

function checkRevocation(body: unknown): Static<typeof Revocation> {
  if (!revocation.Check(body)) {
    const errors = fieldErrors(revocation.Errors(body));
    throw new ThumpError(
      "invalid",
      `The body does not fit: ${errors[0]?.path} ${errors[0]?.message}.`,
      errors,
    );
  }
  const named = [body.user, body.session, body.token].filter((one) => one !== undefined);
  if (named.length !== 1) throw new ThumpError("invalid", 'Name one of "user", "session" and "token".');
  return body;
}

function sessionOf(door: Door, id: string): Session {
  const session = door.hub.sessions.get(id);
  if (!session) throw new ThumpError("not-found", "There is no such session; it may have ended.");
  return session;
}

/** Ends the sessions that fit, and says how many they were. */
function endAll(door: Door, fits: (session: Session) => boolean, reason: string): number {
  let ended = 0;
  for (const session of door.hub.sessions.values()) {
    if (!fits(session)) continue;
    session.end(CLOSE.removed, reason);
    ended++;
  }
  return ended;
}
