// Refusals: who is not let in, and who may not do what it wants (RFC 6750 §3.1).
import { type Code, ThumpError } from "../protocol/codes.ts";

/** Why, in the words of RFC 6750; undefined where no token was shown at all. */
export type Challenge = "invalid_token" | "insufficient_scope" | undefined;

export class AuthError extends ThumpError {
  constructor(
    code: Extract<Code, "unauthorized" | "forbidden" | "revoked">,
    message: string,
    readonly challenge: Challenge,
  ) {
    super(code, message);
  }
}

/** A token or key that is not good. */
export function invalidToken(why: string): AuthError {
  return new AuthError("unauthorized", why, "invalid_token");
}

/** A token that was good, and was taken back. */
export function revoked(): AuthError {
  return new AuthError("revoked", "This token was revoked. Sign in again for a new one.", "invalid_token");
}
