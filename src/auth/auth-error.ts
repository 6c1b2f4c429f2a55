// AuthError: a failed authentication or authorization (RFC 6750 §3.1).
import { type Code, ThumpError } from "../protocol/codes.ts";

/** The RFC 6750 error code; undefined if the request had no credential. */
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

/** Error for an invalid token or key. */
export function invalidToken(why: string): AuthError {
  return new AuthError("unauthorized", why, "invalid_token");
}

/** Error for a revoked token. */
export function revoked(): AuthError {
  return new AuthError("revoked", "This token was revoked. Sign in again for a new one.", "invalid_token");
}
