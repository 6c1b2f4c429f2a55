// `thump check`: validates a config, and prints the effective options or the rule of one room.
import type { Rates } from "../limits/rate-options.ts";
import type { AccessSettings } from "../auth/auth-options.ts";
import { parseRedisAddress } from "../log/redis/address.ts";
import type { StoreSettings } from "../server/config/store-options.ts";
import { ThumpError } from "../protocol/codes.ts";
import { checkRoomName } from "../protocol/names.ts";
import type { Rules } from "../rooms/rules.ts";
import { serverSettings } from "../server/app.ts";
import { readOptions } from "../server/config/command-line.ts";
import { SessionLogger } from "../server/session-logger.ts";
import { OptionsError } from "../server/config/options.ts";
import type { Settings } from "../server/config/settings.ts";
import { createRuntimeConfig } from "../server/config/runtime-config.ts";
import { redactUrl } from "../server/config/redact-url.ts";
import { ruleOfRoom } from "../server/effective-rules.ts";

/**
 * Printed in place of a secret. Too short to be a valid secret, so the output cannot be used as a config by mistake.
 */
const HIDDEN = "(not shown)";

/**
 * Returns the text to print: all options, or the rule of one room.
 * @param config the config file. Default: the file that the server would find
 * @throws OptionsError if the options or the room name are invalid
 */
export async function check(
  config: string | undefined,
  room: string | undefined,
  env: Record<string, string | undefined>,
  cwd: string,
): Promise<string> {
  const settings = serverSettings(await readOptions({ config }, env, cwd));
  const { authenticator, rules } = createRuntimeConfig(settings, new SessionLogger());
  const answer =
    room === undefined ? printable(settings, authenticator.isConfigured) : ruleOf(room, rules, settings);
  return `${JSON.stringify(answer, undefined, 2)}\n`;
}

function ruleOf(room: string, rules: Rules, { rooms }: Settings): object {
  try {
    return ruleOfRoom(checkRoomName(room), rules, rooms);
  } catch (error) {
    if (error instanceof ThumpError) throw new OptionsError(error.message);
    throw error;
  }
}

/** The settings as a config without secrets. */
function printable(settings: Settings, secured: boolean): object {
  const { rooms, maxMessage, maxBody, roomsPerSession, maxSessions, access, authorize, ...rest } = settings;
  const {
    sessionsPerAddress,
    roomsInUse,
    roomsPerAddress,
    headTime,
    bodyTime,
    bodies,
    memory,
    rates,
    tls,
    compression: _,
    store,
    ...others
  } = rest;
  return {
    ...others,
    store: printableStore(store),
    traces: others.traces && redactUrl(others.traces),
    heartbeat: others.heartbeat / 1000,
    drain: others.drain / 1000,
    prefix: others.prefix || undefined,
    tls: tls && { ...tls.files, passphrase: tls.pem.passphrase && HIDDEN },
    limits: {
      message: maxMessage,
      body: maxBody,
      rooms: roomsPerSession,
      sessions: maxSessions,
      sessionsPerAddress,
      roomsInUse,
      roomsPerAddress,
      headTime: headTime / 1000,
      bodyTime: bodyTime / 1000,
      bodies,
      memory,
      rates: printableRates(rates),
    },
    ...(secured ? { access: printableAccess(access) } : {}),
    authorize: authorize && "(code)",
    rooms,
  };
}

/** Masks the password that a Redis URL may contain. */
function printableStore(store: StoreSettings): object | undefined {
  if (store.kind === "memory") return undefined;
  if (store.kind === "sqlite") return store;
  const { url, patience, check, ...others } = store;
  return { ...others, url: parseRedisAddress(url).text, patience: patience / 1000, check: check / 1000 };
}

/** Omits `session.connects`: a session connects only once. */
function printableRates({ session, ...others }: Rates): object {
  const { joins, publishes, bytes, reads } = session;
  return { session: { joins, publishes, bytes, reads }, ...others };
}

function printableAccess({ jwks, issuer, audience, ...access }: AccessSettings): object {
  return {
    ...access,
    secrets: access.secrets.map(() => HIDDEN),
    jwks: jwks && { url: redactUrl(jwks.url), cache: jwks.cache / 1000, cooldown: jwks.cooldown / 1000 },
    issuer: issuer.length > 0 ? issuer : undefined,
    audience: audience.length > 0 ? audience : undefined,
    leeway: access.leeway / 1000,
    lifetime: access.lifetime / 1000,
    resume: access.resume / 1000,
    apiKeys: access.apiKeys.map((key) => ({ ...key, hash: HIDDEN })),
  };
}
