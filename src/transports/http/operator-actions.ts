// Operator actions over HTTP: end sessions, revoke tokens.
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { checkRevocable, endSessionsEverywhere, revokeEverywhere } from "../../service/end-sessions.ts";
import { sessionNotFound } from "../../service/inspect.ts";
import { checkUserName } from "../../auth/user-name.ts";
import { fieldErrors } from "../../protocol/field-errors.ts";
import { ThumpError } from "../../protocol/codes.ts";
import { readJson } from "./read-body.ts";
import type { HandlerContext } from "./handler-context.ts";
import { readQuery } from "./read-request.ts";

/** `DELETE /sessions/:id` */
export async function endSession({ service, request, context, names }: HandlerContext): Promise<Response> {
  const { id = "" } = names;
  service.checkOperation(context, "disconnect");
  readQuery(request, []);
  if ((await endSessionsEverywhere(service, { session: id })) === 0) throw sessionNotFound();
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
  service.checkOperation(context, "disconnect");
  readQuery(request, []);
  const named = { user: checkUserName(user, "/user") };
  return Response.json({ ended: await endSessionsEverywhere(service, named) });
}

const name = (description: string) => Type.Optional(Type.String({ minLength: 1, description }));

/** The body of `POST /revoke`. Exactly one of `user`, `session` and `token` is required. */
export const Revocation = Type.Object(
  {
    user: name("All tokens issued to this user so far."),
    session: name("The token that this session used to authenticate."),
    token: name("The token with this `jti`."),
    until: Type.Optional(
      Type.Number({ description: "When the server may delete the revocation, in ms since 1970." }),
    ),
  },
  { additionalProperties: false },
);
const revocation = Compile(Revocation);
const MAX_BODY_BYTES = 16 * 1024;

/** `POST /revoke`. See `Revocation`. */
export async function revokeTokens(http: HandlerContext): Promise<Response> {
  const { service, request, context } = http;
  service.checkOperation(context, "revoke");
  readQuery(request, []);
  checkRevocable(service);
  const { user, session, token, until } = checkRevocation(await readJson(http, MAX_BODY_BYTES));
  // A reload may have changed the key's permissions before the body arrived.
  service.checkOperation(context, "revoke");
  if (user !== undefined) checkUserName(user, "/user");
  const { ended, until: end } = await revokeEverywhere(service, { user, session, token }, until);
  if (session !== undefined && ended === 0) throw sessionNotFound();
  return Response.json({ ended, until: end });
}

function checkRevocation(body: unknown): Static<typeof Revocation> {
  if (!revocation.Check(body)) {
    const errors = fieldErrors(revocation.Errors(body));
    throw new ThumpError("invalid", `The body is invalid: ${errors[0]?.path} ${errors[0]?.message}.`, errors);
  }
  const named = [body.user, body.session, body.token].filter((one) => one !== undefined);
  if (named.length !== 1)
    throw new ThumpError("invalid", 'Set exactly one of "user", "session" and "token".');
  return body;
}
