// What a user (a token's `sub`) may be called: it appears in publications, lists and URLs.
import { checkRoomName } from "../protocol/names.ts";
import { invalidToken } from "./refusal.ts";

/** Returns the name. It must be what a room's name may be. @throws ThumpError `unauthorized` */
export function checkUserName(sub: unknown): string {
  try {
    if (typeof sub === "string") return checkRoomName(sub);
  } catch {
    // Said below.
  }
  throw invalidToken("The token's sub must have 1 to 255 bytes of text, without control characters.");
}
