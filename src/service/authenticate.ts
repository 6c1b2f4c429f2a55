// Who sends a request, and who pays for finding out: bad tokens and keys are counted by address wherever they are shown.
import { ANONYMOUS, type Principal } from "../auth/principal.ts";
import { readCredential } from "../auth/credentials.ts";
import type { RoomService } from "./room-service.ts";
import type { Origins } from "../auth/origins.ts";

/**
 * Says who sends a request.
 * @param addressKey what it counts as for limits by address
 * @param counted it takes a `connects` in any case. Else it takes one only when what it shows is not good; and who has
 * none left is not looked at
 * @throws ThumpError `unauthorized`, `revoked`, `unavailable`, `origin`, `rate`
 */
export function authenticate(
  { authenticator, limiter }: RoomService,
  request: Request,
  origins: Origins,
  addressKey: string | undefined,
  counted: boolean,
): Principal | Promise<Principal> {
  const payer = { principal: ANONYMOUS, addressKey };
  if (counted) {
    limiter.take(payer, "connects");
    return authenticator.authenticate(request, origins);
  }
  if (
    addressKey === undefined ||
    !authenticator.isConfigured ||
    !readCredential(request, authenticator.settings.cookie)
  )
    return authenticator.authenticate(request, origins);
  limiter.check(payer, "connects");
  const refused = (error: unknown): never => {
    limiter.take(payer, "connects");
    throw error;
  };
  try {
    const principal = authenticator.authenticate(request, origins);
    return principal instanceof Promise ? principal.catch(refused) : principal;
  } catch (error) {
    return refused(error);
  }
}
