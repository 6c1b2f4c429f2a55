// The rules of a server's settings.
import { Rules } from "../rooms/rules.ts";
import { OptionsError, type Settings } from "./options.ts";

/** @throws OptionsError when a rule's schema is none */
export function rulesOf(settings: Settings): Rules {
  try {
    return new Rules(settings.rooms);
  } catch (error) {
    throw new OptionsError(`rooms: a schema cannot be used: ${(error as Error).message}`);
  }
}
