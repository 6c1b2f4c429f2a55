// What a user (a token's `sub`) may be called: it appears in publications, lists and URLs.
import { ThumpError } from "../protocol/codes.ts";
import { nameFault } from "../protocol/names.ts";
import { invalidToken } from "./auth-error.ts";

/** Returns the user that a token names. It must be what a room's name may be. @throws ThumpError `unauthorized` */
export function checkSubject(sub: unknown): string {
  if (typeof sub === "string" && nameFault(sub) === undefined) return sub;
  throw invalidToken(
    "The token's sub must have 1 to 255 bytes of text, without control characters or dot segments.",
  );
}

/** Returns the name of a user that a request or code names. @throws ThumpError `invalid` */
export function checkUserName(user: string, path: string): string {
  const wrong = nameFault(user);
  if (wrong === undefined) return user;
  throw new ThumpError("invalid", `The user's name ${wrong}.`, [{ path, message: wrong }]);
}
