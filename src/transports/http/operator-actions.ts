// What operators do over HTTP: end sessions, revoke tokens.
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import type { RoomService } from "../../service/room-service.ts";
import { endSessions } from "../../service/end-sessions.ts";
import { checkUserName } from "../../auth/user-name.ts";
import type { Session } from "../../hub/session.ts";
import type { SessionRemoval } from "../../log/peers.ts";
import { fieldErrors } from "../../protocol/field-errors.ts";
import { ThumpError } from "../../protocol/codes.ts";
import { readJson } from "./read-body.ts";
import type { HandlerContext } from "./handler-context.ts";
import { readQuery } from "./read-request.ts";

/** `DELETE /sessions/:id` */
export async function endSessionRoute({
  service,
  request,
  context,
  names,
}: HandlerContext): Promise<Response> {
  const { id = "" } = names;
  service.authorizer.checkOperation(context, "disconnect");
  readQuery(request, []);
  if ((await removeEverywhere(service, { session: id })) === 0) throw noSession();
  return new Response(null, { status: 204 });
}

/** `DELETE /users/:user/sessions` */
export async function endUserSessions({
  service,
  request,
  context,
  names,
}: HandlerContext): Promise<Response> {
  const { user = "" } = names;
  service.authorizer.checkOperation(context, "disconnect");
  readQuery(request, []);
  const named = { user: checkUserName(user, "/user") };
  return Response.json({ ended: await removeEverywhere(service, named) });
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
const MAX_BODY_BYTES = 16 * 1024;

/** `POST /revoke` with `{"user"}`, `{"session"}` or `{"token"}`, and perhaps `"until"` in ms since 1970. */
export async function revoke({ service, request, context }: HandlerContext): Promise<Response> {
  service.authorizer.checkOperation(context, "revoke");
  readQuery(request, []);
  const { authenticator } = service;
  if (!authenticator.takesTokens)
    throw new ThumpError("no-secret", "This server takes no tokens that could be revoked.");
  const { user, session, token, until } = checkRevocation(
    await readJson(service, context, request, MAX_BODY_BYTES),
  );
  // A reload may have changed what the key may do while the body was on its way.
  service.authorizer.checkOperation(context, "revoke");
  if (user !== undefined) checkUserName(user, "/user");
  const { lifetime, leeway } = authenticator.settings;
  const end = until ?? Date.now() + lifetime + leeway;
  if (end <= Date.now()) {
    throw new ThumpError("invalid", "until is in the past; it is in ms since 1970.", [
      { path: "/until", message: "is in the past" },
    ]);
  }
  const ended = await removeEverywhere(service, {
    user,
    session,
    token,
    revoked: { at: Date.now(), until: end },
  });
  if (session !== undefined && ended === 0) throw noSession();
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

/** A session that is here. @throws ThumpError `not-found` */
export function sessionOf(service: RoomService, id: string): Session {
  const session = service.hub.sessions.get(id);
  if (!session) throw noSession();
  return session;
}

function noSession(): ThumpError {
  return new ThumpError("not-found", "There is no such session; it may have ended.");
}

/** Here, and on the other nodes where there are some. Says how many sessions ended. */
async function removeEverywhere(
  { hub, authenticator }: RoomService,
  removal: SessionRemoval,
): Promise<number> {
  const { peers } = hub.log;
  const { ended, revoked } = endSessions(hub, authenticator, removal);
  if (!peers) return ended;
  // One session is in one place.
  if (removal.session !== undefined && ended > 0 && revoked.length === 0) return ended;
  for (const one of revoked) await peers.remember(one);
  return ended + (await peers.remove(removal));
}
