// What is made of settings before any of them counts: whom the server believes, and the rules of rooms.
import { Authenticator } from "../../auth/authenticator.ts";
import type { SessionEvents } from "../../hub/session-events.ts";
import { Rules } from "../../rooms/rules.ts";
import { OptionsError } from "./options.ts";
import type { Settings } from "./settings.ts";

export interface RuntimeConfig {
  authenticator: Authenticator;
  rules: Rules;
}

/**
 * Nothing is changed by it.
 * @param before the access that this one would replace
 * @throws OptionsError when a key or a schema cannot be used
 */
export function createRuntimeConfig(
  settings: Settings,
  events: SessionEvents,
  before?: Authenticator,
): RuntimeConfig {
  const authenticator = orOptionsError("access", () => new Authenticator(settings.access, events, before));
  // Who has secrets means them: what no rule speaks of takes a grant.
  const level = authenticator.isConfigured ? "granted" : "anyone";
  return {
    authenticator,
    rules: orOptionsError("rooms: a schema cannot be used", () => new Rules(settings.rooms, level)),
  };
}

/** What `make` makes; what it throws becomes an error about the options. @throws OptionsError */
export function orOptionsError<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new OptionsError(`${what}: ${(error as Error).message}`);
  }
}
