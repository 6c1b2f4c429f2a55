// Other settings for a running server: what can change does so at once, and what cannot is named.
import { Authorizer } from "../auth/authorizer.ts";
import { socketLimitsFor } from "../hub/backpressure.ts";
import { recheckAll } from "../service/recheck.ts";
import { CLOSE } from "../protocol/codes.ts";
import type { ServerCore } from "./server-core.ts";
import { configureLogging } from "./logging.ts";
import type { Settings } from "./config/settings.ts";
import { createRuntimeConfig, type RuntimeConfig } from "./config/runtime-config.ts";
import { checkExposure } from "./exposure.ts";

/** What a reload changed, and what would have needed a restart, by the settings' names. */
export interface Reloaded {
  changed: string[];
  restart: string[];
}

/** Makes one setting count. Everything that may throw has been done before. */
type Apply = (core: ServerCore, next: Settings, prepared: RuntimeConfig) => void;

/** Settings that can change while sessions are there. All others need a restart. */
const APPLY_LIVE: Partial<Record<keyof Settings, Apply>> = {
  rooms: replaceRules,
  access: replaceAccess,
  authorize: replaceAuthorizer,
  open: () => {}, // it only lets `checkExposure` pass
  maxMessage: (core, { maxMessage }) => (core.service.maxMessage = maxMessage),
  maxBody: () => {}, // read from the settings by each request
  roomsPerSession: (core, { roomsPerSession }) => (core.hub.roomsPerSession = roomsPerSession),
  roomsInUse: ({ hub }, { roomsInUse }) => (hub.roomLimits.max = roomsInUse),
  roomsPerAddress: ({ hub }, { roomsPerAddress }) => (hub.roomLimits.perOwner = roomsPerAddress),
  bodies: ({ service }, { bodies }) => (service.bodyMemory.max = bodies),
  memory: (core, { memory }) => (core.memoryBudget.limit = memory), // in a second at most
  proxies: trustProxies,
  forwardedHeader: trustProxies,
  maxSessions: ({ service }, { maxSessions }) => (service.sessionLimit.max = maxSessions),
  sessionsPerAddress: ({ service }, { sessionsPerAddress }) =>
    (service.sessionLimit.perAddress = sessionsPerAddress),
  bodyTime: ({ service }, { bodyTime }) => (service.bodyTime = bodyTime),
  rates: (core, { rates }) => (core.service.limiter.rates = rates),
  origins: (core, { origins }) => core.origins.allow(origins),
  drain: () => {}, // read from the settings by the drain
  log: (_, next) => configureLogging(next),
  logLevel: (_, next) => configureLogging(next),
};

/** Settings that decide who may do what: with others, live sessions are looked at again. */
const AUTHORIZATION_SETTINGS: ReadonlySet<keyof Settings> = new Set([
  "rooms",
  "access",
  "authorize",
  "origins",
]);

/**
 * Swaps the settings. Sessions stay where they still may, and what they are doing goes on; the next thing that they ask
 * for is decided by the new settings. @throws OptionsError, and then nothing has changed
 */
export function reload(core: ServerCore, next: Settings): Reloaded {
  const { kept, changed, restart } = compare(core, next);
  // As it will be, not as it was written: the host, for one, stays what it was.
  checkExposure(kept);
  const prepared = createRuntimeConfig(kept, core.hub.events, core.authenticator);
  core.settings = kept;
  for (const name of changed) APPLY_LIVE[name]?.(core, kept, prepared);
  if (changed.some((name) => AUTHORIZATION_SETTINGS.has(name)))
    recheckAll(core.service, core.origins).catch((error: unknown) =>
      core.hub.events.fault("a reload", error),
    );
  return { changed, restart };
}

/** What will hold, and what of it is new. */
function compare(core: ServerCore, next: Settings) {
  const current = core.settings;
  const kept: Settings = { ...next };
  const changed: (keyof Settings)[] = [];
  const restart: (keyof Settings)[] = [];
  for (const name of Object.keys(next) as (keyof Settings)[]) {
    if (Bun.deepEquals(current[name], next[name])) continue;
    if (APPLY_LIVE[name] && fits(core, name, next)) changed.push(name);
    else {
      restart.push(name);
      Object.assign(kept, { [name]: current[name] });
    }
  }
  return { kept, changed, restart };
}

/** The sockets' own limits were set when the server began to listen: sizes may grow only as far as they reach. */
function fits(core: ServerCore, name: keyof Settings, next: Settings): boolean {
  const { maxMessage } = core.initialSettings;
  if (name === "maxMessage")
    return (
      next.maxMessage <= maxMessage * 4 && socketLimitsFor(next.maxMessage).limit <= core.socketLimits.limit
    );
  return true;
}

/** Other rules, and with them another policy: what the old one is still deciding is asked again. */
function replaceRules(core: ServerCore, next: Settings, { rules }: RuntimeConfig): void {
  core.hub.replaceRules(rules);
  replaceAuthorizer(core, next);
}

/** Other secrets and keys. Whose token or API key is not good any more goes. */
function replaceAccess(core: ServerCore, next: Settings, prepared: RuntimeConfig): void {
  const { service, hub } = core;
  const { authenticator, rules } = prepared;
  const gone = authenticator.inherit(service.authenticator);
  // The first secret closes what no rule speaks of, the last one opens it again.
  if (authenticator.isConfigured !== service.authenticator.isConfigured && hub.rules !== rules)
    hub.replaceRules(rules);
  service.authenticator = authenticator;
  replaceAuthorizer(core, next);
  for (const session of hub.sessions.values())
    if (gone.has(session.identity)) session.end(CLOSE.removed, "its API key was taken away");
}

function trustProxies({ trustedProxies }: ServerCore, next: Settings): void {
  trustedProxies.trust(next.proxies, next.forwardedHeader);
}

function replaceAuthorizer({ service, hub }: ServerCore, { authorize }: Settings): void {
  service.authorizer = new Authorizer(hub, service.authenticator.isConfigured, authorize);
}
