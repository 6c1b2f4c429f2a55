// Authenticates requests. Invalid tokens and keys are charged to the client's address on every route.
import { ANONYMOUS, type Principal } from "../auth/principal.ts";
import { readCredential } from "../auth/credentials.ts";
import type { RoomService } from "./room-service.ts";
import type { Origins } from "../auth/origins.ts";

/**
 * Authenticates a request.
 * @param addressKey the client's key for per-address limits
 * @param counted whether every request counts against the address's `connects` rate. If not, only requests with an
 * invalid credential count, and credentials are not verified while that rate limit is exhausted
 * @throws ThumpError `unauthorized`, `revoked`, `unavailable`, `origin`, `rate`
 */
export function authenticate(
  { authenticator, limiter }: RoomService,
  request: Request,
  origins: Origins,
  addressKey: string | undefined,
  counted: boolean,
): Principal | Promise<Principal> {
  const subject = { principal: ANONYMOUS, addressKey };
  if (counted) {
    limiter.take(subject, "connects");
    return authenticator.authenticate(request, origins);
  }
  if (
    addressKey === undefined ||
    !authenticator.isConfigured ||
    !readCredential(request, authenticator.settings.cookie)
  )
    return authenticator.authenticate(request, origins);
  limiter.check(subject, "connects");
  const refused = (error: unknown): never => {
    limiter.take(subject, "connects");
    throw error;
  };
  try {
    const principal = authenticator.authenticate(request, origins);
    return principal instanceof Promise ? principal.catch(refused) : principal;
  } catch (error) {
    return refused(error);
  }
}
