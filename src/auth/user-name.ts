// User names: checks a token's `sub` claim, which appears in publications, lists and URLs.
import { ThumpError } from "../protocol/codes.ts";
import { nameFault } from "../protocol/names.ts";
import { invalidToken } from "./auth-error.ts";

/**
 * Validates and returns a token's `sub` as a user name. User names follow the same rules as room names.
 * @throws ThumpError `unauthorized`
 */
export function checkSubject(sub: unknown): string {
  if (typeof sub === "string" && nameFault(sub) === undefined) return sub;
  throw invalidToken(
    "The sub of the token must be text of 1 to 255 bytes, without control characters or dot segments.",
  );
}

/** Validates and returns a user name that comes from a request or from code. @throws ThumpError `invalid` */
export function checkUserName(user: string, path: string): string {
  const wrong = nameFault(user);
  if (wrong === undefined) return user;
  throw new ThumpError("invalid", `The user name ${wrong}.`, [{ path, message: wrong }]);
}
