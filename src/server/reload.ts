// Reload: replaces the settings of a running server. Settings that need a restart keep their values and are reported.
import { Authorizer } from "../auth/authorizer.ts";
import { socketLimitsFor } from "../hub/backpressure.ts";
import { recheckAll } from "../service/recheck.ts";
import { CLOSE } from "../protocol/codes.ts";
import type { ServerCore } from "./server-core.ts";
import { configureLogging } from "./logging.ts";
import type { Settings } from "./config/settings.ts";
import { createRuntimeConfig, type RuntimeConfig } from "./config/runtime-config.ts";
import { checkExposure } from "./exposure.ts";

/** Names of the settings that a reload changed, and of those that need a restart. */
export interface Reloaded {
  changed: string[];
  restart: string[];
}

/** Applies one setting. Must not fail: everything that can fail has already been done. */
type Apply = (core: ServerCore, next: Settings, config: RuntimeConfig) => void;

/** Settings that can change while clients are connected. All others need a restart. */
const APPLY_LIVE: Partial<Record<keyof Settings, Apply>> = {
  rooms: replaceRules,
  access: replaceAccess,
  authorize: replaceAuthorizer,
  open: () => {}, // read by `checkExposure` only
  maxMessage: (core, { maxMessage }) => (core.service.maxMessage = maxMessage),
  maxBody: () => {}, // each request reads the current settings
  roomsPerSession: (core, { roomsPerSession }) => (core.hub.roomsPerSession = roomsPerSession),
  roomsInUse: ({ hub }, { roomsInUse }) => (hub.roomLimits.max = roomsInUse),
  roomsPerAddress: ({ hub }, { roomsPerAddress }) => (hub.roomLimits.perOwner = roomsPerAddress),
  bodies: ({ service }, { bodies }) => (service.bodyMemory.max = bodies),
  memory: (core, { memory }) => (core.memoryBudget.limit = memory), // enforced within a second
  proxies: trustProxies,
  forwardedHeader: trustProxies,
  maxSessions: ({ service }, { maxSessions }) => (service.sessionLimit.max = maxSessions),
  sessionsPerAddress: ({ service }, { sessionsPerAddress }) =>
    (service.sessionLimit.perAddress = sessionsPerAddress),
  bodyTime: ({ service }, { bodyTime }) => (service.bodyTime = bodyTime),
  rates: (core, { rates }) => (core.service.limiter.rates = rates),
  origins: (core, { origins }) => core.origins.allow(origins),
  drain: () => {}, // the drain reads the current settings
  log: (_, next) => configureLogging(next),
  logLevel: (_, next) => configureLogging(next),
};

/** Settings that affect authorization. If one changes, live sessions are rechecked. */
const AUTHORIZATION_SETTINGS: ReadonlySet<keyof Settings> = new Set([
  "rooms",
  "access",
  "authorize",
  "origins",
]);

/**
 * Applies new settings in one tick. Operations in progress finish under the old settings; later operations use the new
 * settings. Sessions that are no longer permitted are ended or removed from their rooms.
 * @throws OptionsError if the settings are invalid; in that case, nothing changes
 */
export function reload(core: ServerCore, next: Settings): Reloaded {
  const { effective, changed, restart } = compare(core, next);
  // Checks the settings that will be in force: a new host, for example, has no effect until the restart.
  checkExposure(effective);
  const config = createRuntimeConfig(effective, core.hub.events, core.authenticator);
  core.settings = effective;
  for (const name of changed) APPLY_LIVE[name]?.(core, effective, config);
  if (changed.some((name) => AUTHORIZATION_SETTINGS.has(name)))
    recheckAll(core.service, core.origins).catch((error: unknown) =>
      core.hub.events.fault("rechecking sessions after a reload", error),
    );
  return { changed, restart };
}

/**
 * Returns the settings that will be in force, the names of those that change now, and the names of those that require a
 * restart.
 */
function compare(core: ServerCore, next: Settings) {
  const current = core.settings;
  const effective: Settings = { ...next };
  const changed: (keyof Settings)[] = [];
  const restart: (keyof Settings)[] = [];
  for (const name of Object.keys(next) as (keyof Settings)[]) {
    if (Bun.deepEquals(current[name], next[name])) continue;
    if (APPLY_LIVE[name] && fits(core, name, next)) changed.push(name);
    else {
      restart.push(name);
      Object.assign(effective, { [name]: current[name] });
    }
  }
  return { effective, changed, restart };
}

/**
 * Whether a setting can change without a restart. Bun's socket limits are fixed once the server listens, and the
 * message size can grow only as far as they allow.
 */
function fits(core: ServerCore, name: keyof Settings, next: Settings): boolean {
  const { maxMessage } = core.initialSettings;
  if (name === "maxMessage")
    return (
      next.maxMessage <= maxMessage * 4 && socketLimitsFor(next.maxMessage).limit <= core.socketLimits.limit
    );
  return true;
}

/** Also replaces the authorizer, so that pending decisions are made again. */
function replaceRules(core: ServerCore, next: Settings, { rules }: RuntimeConfig): void {
  core.hub.replaceRules(rules);
  replaceAuthorizer(core, next);
}

/**
 * Replaces secrets and keys. Ends the sessions of removed API keys; `recheckAll` ends sessions whose token is no longer
 * valid.
 */
function replaceAccess(core: ServerCore, next: Settings, config: RuntimeConfig): void {
  const { service, hub } = core;
  const { authenticator, rules } = config;
  const removed = authenticator.inherit(service.authenticator);
  // The default level is `anyone` without credentials and `granted` with credentials, so the rules must be replaced.
  if (authenticator.isConfigured !== service.authenticator.isConfigured && hub.rules !== rules)
    hub.replaceRules(rules);
  service.authenticator = authenticator;
  replaceAuthorizer(core, next);
  for (const session of hub.sessions.values())
    if (removed.has(session.identity)) session.end(CLOSE.removed, "API key removed");
}

function trustProxies({ trustedProxies }: ServerCore, next: Settings): void {
  trustedProxies.trust(next.proxies, next.forwardedHeader);
}

function replaceAuthorizer({ service, hub }: ServerCore, { authorize }: Settings): void {
  service.authorizer = new Authorizer(hub, service.authenticator.isConfigured, authorize);
}
