// Other settings for a running engine: what can change does so at once, and what cannot is named.
import { socketBounds } from "../hub/bounds.ts";
import type { Rules } from "../rooms/rules.ts";
import type { Engine } from "./engine.ts";
import { configureLogging } from "./logging.ts";
import type { Settings } from "./options.ts";
import { rulesOf } from "./rules.ts";

/** What a reload changed, and what would have needed a restart, by the settings' names. */
export interface Reloaded {
  changed: string[];
  restart: string[];
}

/** Makes one setting count. Everything that may throw has been done before. */
type Apply = (engine: Engine, next: Settings, prepared: Prepared) => void;

/** Settings that can change while sessions are there. All others need a restart. */
const LIVE: Partial<Record<keyof Settings, Apply>> = {
  rooms: (engine, _, { rules }) => engine.hub.replaceRules(rules),
  maxMessage: (engine, { maxMessage }) => (engine.door.maxMessage = maxMessage),
  maxBody: () => {}, // read from the settings by each request
  roomsPerSession: (engine, { roomsPerSession }) => (engine.hub.roomsPerSession = roomsPerSession),
  origins: (engine, { origins }) => engine.origins.allow(origins),
  drain: () => {}, // read from the settings by the drain
  log: (_, next) => configureLogging(next),
  logLevel: (_, next) => configureLogging(next),
};

/** What was made of the next settings before any of them counted. */
interface Prepared {
  rules: Rules;
}

/**
 * Swaps the settings. Sessions stay, and what they are doing goes on; the next thing that they ask for is decided
 * by the new settings. @throws OptionsError, and then nothing has changed
 */
export function reload(engine: Engine, next: Settings): Reloaded {
  const current = engine.settings;
  const prepared = { rules: rulesOf(next) };
  const result: Reloaded = { changed: [], restart: [] };
  const kept: Settings = { ...next };
  for (const name of Object.keys(next) as (keyof Settings)[]) {
    if (Bun.deepEquals(current[name], next[name])) continue;
    if (LIVE[name] && fits(engine, name, next)) result.changed.push(name);
    else {
      result.restart.push(name);
      Object.assign(kept, { [name]: current[name] });
    }
  }
  engine.settings = kept;
  for (const name of result.changed) LIVE[name as keyof Settings]?.(engine, kept, prepared);
  return result;
}

/** The sockets' own limits were set when the server began to listen: sizes may grow only as far as they reach. */
function fits(engine: Engine, name: keyof Settings, next: Settings): boolean {
  const { maxMessage, maxBody } = engine.listening;
  if (name === "maxMessage")
    return next.maxMessage <= maxMessage * 4 && socketBounds(next.maxMessage).limit <= engine.bounds.limit;
  if (name === "maxBody") return next.maxBody <= Math.max(maxMessage, maxBody) * 4;
  return true;
}
