// The parts of a server that a reload replaces. They are built from settings and validated before they take effect.
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
 * Builds the authenticator and the rules, without side effects.
 * @param before the authenticator to replace; revocations and fetched keys carry over
 * @throws OptionsError if a key or a schema cannot be used
 */
export function createRuntimeConfig(
  settings: Settings,
  events: SessionEvents,
  before?: Authenticator,
): RuntimeConfig {
  const authenticator = orOptionsError("access", () => new Authenticator(settings.access, events, before));
  // If credentials are configured, an action requires a grant unless the room's rule opens it to anyone.
  const level = authenticator.isConfigured ? "granted" : "anyone";
  return {
    authenticator,
    rules: orOptionsError("rooms: a schema cannot be used", () => new Rules(settings.rooms, level)),
  };
}

/** Returns the result of `make`, and converts its error into an `OptionsError`. @throws OptionsError */
export function orOptionsError<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new OptionsError(`${what}: ${(error as Error).message}`);
  }
}
