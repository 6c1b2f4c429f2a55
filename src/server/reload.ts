// Other settings for a running engine: what can change does so at once, and what cannot is named.
import { Policy } from "../auth/authorizer.ts";
import { socketBounds } from "../hub/backpressure.ts";
import { recheckAll } from "../service/recheck.ts";
import { CLOSE } from "../protocol/codes.ts";
import type { Engine } from "./thump-server.ts";
import { configureLogging } from "./logging.ts";
import type { Settings } from "./config/options.ts";
import { prepare, type Prepared } from "./config/runtime-config.ts";
import { checkReach } from "./exposure.ts";

/** What a reload changed, and what would have needed a restart, by the settings' names. */
export interface Reloaded {
  changed: string[];
  restart: string[];
}

/** Makes one setting count. Everything that may throw has been done before. */
type Apply = (engine: Engine, next: Settings, prepared: Prepared) => void;

/** Settings that can change while sessions are there. All others need a restart. */
const LIVE: Partial<Record<keyof Settings, Apply>> = {
  rooms: replaceRules,
  access: replaceAccess,
  authorize: replacePolicy,
  open: () => {}, // it only lets `checkReach` pass
  maxMessage: (engine, { maxMessage }) => (engine.door.maxMessage = maxMessage),
  maxBody: () => {}, // read from the settings by each request
  roomsPerSession: (engine, { roomsPerSession }) => (engine.hub.roomsPerSession = roomsPerSession),
  roomsInUse: ({ hub }, { roomsInUse }) => (hub.openRooms.max = roomsInUse),
  roomsPerAddress: ({ hub }, { roomsPerAddress }) => (hub.openRooms.perOwner = roomsPerAddress),
  bodies: ({ door }, { bodies }) => (door.bodies.max = bodies),
  memory: (engine, { memory }) => (engine.memory.limit = memory), // in a second at most
  proxies: trustProxies,
  forwardedHeader: trustProxies,
  maxSessions: ({ door }, { maxSessions }) => (door.places.max = maxSessions),
  sessionsPerAddress: ({ door }, { sessionsPerAddress }) => (door.places.perAddress = sessionsPerAddress),
  bodyTime: ({ door }, { bodyTime }) => (door.bodyTime = bodyTime),
  rates: (engine, { rates }) => (engine.door.limiter.rates = rates),
  origins: (engine, { origins }) => engine.origins.allow(origins),
  drain: () => {}, // read from the settings by the drain
  log: (_, next) => configureLogging(next),
  logLevel: (_, next) => configureLogging(next),
};

/** Settings that decide who may do what: with others, live sessions are looked at again. */
const DECIDING: ReadonlySet<keyof Settings> = new Set(["rooms", "access", "authorize", "origins"]);

/**
 * Swaps the settings. Sessions stay where they still may, and what they are doing goes on; the next thing that they ask
 * for is decided by the new settings. @throws OptionsError, and then nothing has changed
 */
export function reload(engine: Engine, next: Settings): Reloaded {
  const { kept, changed, restart } = compare(engine, next);
  // As it will be, not as it was written: the host, for one, stays what it was.
  checkReach(kept);
  const prepared = prepare(kept, engine.hub.journal, engine.access);
  engine.settings = kept;
  for (const name of changed) LIVE[name]?.(engine, kept, prepared);
  if (changed.some((name) => DECIDING.has(name)))
    recheckAll(engine.door, engine.origins).catch((error: unknown) =>
      engine.hub.journal.fault("a reload", error),
    );
  return { changed, restart };
}

/** What will hold, and what of it is new. */
function compare(engine: Engine, next: Settings) {
  const current = engine.settings;
  const kept: Settings = { ...next };
  const changed: (keyof Settings)[] = [];
  const restart: (keyof Settings)[] = [];
  for (const name of Object.keys(next) as (keyof Settings)[]) {
    if (Bun.deepEquals(current[name], next[name])) continue;
    if (LIVE[name] && fits(engine, name, next)) changed.push(name);
    else {
      restart.push(name);
      Object.assign(kept, { [name]: current[name] });
    }
  }
  return { kept, changed, restart };
}

/** The sockets' own limits were set when the server began to listen: sizes may grow only as far as they reach. */
function fits(engine: Engine, name: keyof Settings, next: Settings): boolean {
  const { maxMessage } = engine.listening;
  if (name === "maxMessage")
    return next.maxMessage <= maxMessage * 4 && socketBounds(next.maxMessage).limit <= engine.bounds.limit;
  return true;
}

/** Other rules, and with them another policy: what the old one is still deciding is asked again. */
function replaceRules(engine: Engine, next: Settings, { rules }: Prepared): void {
  engine.hub.replaceRules(rules);
  replacePolicy(engine, next);
}

/** Other secrets and keys. Whose token or API key is not good any more goes. */
function replaceAccess(engine: Engine, next: Settings, prepared: Prepared): void {
  const { door, hub } = engine;
  const { access, rules } = prepared;
  const gone = access.replace(door.access);
  // The first secret closes what no rule speaks of, the last one opens it again.
  if (access.secured !== door.access.secured && hub.rules !== rules) hub.replaceRules(rules);
  door.access = access;
  replacePolicy(engine, next);
  for (const session of hub.sessions.values())
    if (gone.has(session.identity)) session.end(CLOSE.removed, "its API key was taken away");
}

function trustProxies({ proxies }: Engine, next: Settings): void {
  proxies.trust(next.proxies, next.forwardedHeader);
}

function replacePolicy({ door, hub }: Engine, { authorize }: Settings): void {
  door.policy = new Policy(hub, door.access.secured, authorize);
}
