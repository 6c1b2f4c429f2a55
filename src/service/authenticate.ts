// Who sends a request, and who pays for finding out: bad tokens and keys are counted by address wherever they are shown.
import { ANONYMOUS, type Caller } from "../auth/principal.ts";
import { readCredential } from "../auth/credentials.ts";
import type { Door } from "./room-service.ts";
import type { Origins } from "../auth/origins.ts";

/**
 * Says who sends a request.
 * @param network what it counts as for limits by address
 * @param counted it takes a `connects` in any case. Else it takes one only when what it shows is not good; and who has
 * none left is not looked at
 * @throws ThumpError `unauthorized`, `revoked`, `unavailable`, `origin`, `rate`
 */
export function identify(
  { access, limiter }: Door,
  request: Request,
  origins: Origins,
  network: string | undefined,
  counted: boolean,
): Caller | Promise<Caller> {
  const payer = { caller: ANONYMOUS, network };
  if (counted) {
    limiter.take(payer, "connects");
    return access.identify(request, origins);
  }
  if (network === undefined || !access.secured || !readCredential(request, access.settings.cookie))
    return access.identify(request, origins);
  limiter.ask(payer, "connects");
  const refused = (error: unknown): never => {
    limiter.take(payer, "connects");
    throw error;
  };
  try {
    const caller = access.identify(request, origins);
    return caller instanceof Promise ? caller.catch(refused) : caller;
  } catch (error) {
    return refused(error);
  }
}
