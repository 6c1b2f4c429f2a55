// The settings of a server: its options with every default filled in.
import { type AccessSettings, hasCredentials, resolveAccess } from "../../auth/auth-options.ts";
import type { Authorize } from "../../auth/authorizer.ts";
import { normalOrigin } from "../../auth/origins.ts";
import { type Rates, resolveRates } from "../../limits/rate-options.ts";
import type { ForwardedHeader } from "../../limits/trusted-proxies.ts";
import type { RuleOptions } from "../../rooms/rule-options.ts";
import { durationMs, sizeBytes } from "../../rooms/units.ts";
import { type Options, OptionsError } from "./options.ts";
import { resolveStore, type StoreSettings } from "./store-options.ts";
import type { TlsPair } from "./tls.ts";

/** `Options` with every default filled in; durations in ms, sizes in bytes. */
export interface Settings {
  rooms: Record<string, RuleOptions>;
  /** Whether any rule compresses frames. If so, the server offers compression to sockets (RFC 7692). */
  compression: boolean;
  maxMessage: number;
  maxBody: number;
  roomsPerSession: number;
  maxSessions: number;
  sessionsPerAddress: number;
  roomsInUse: number;
  roomsPerAddress: number;
  headTime: number;
  bodyTime: number;
  bodies: number;
  memory: number;
  store: StoreSettings;
  rates: Rates;
  heartbeat: number;
  origins: string[];
  proxies: string[];
  forwardedHeader: ForwardedHeader;
  prefix: string;
  host: string;
  port: number;
  tls: TlsPair | undefined;
  drain: number;
  signals: boolean;
  demo: boolean;
  console: boolean;
  access: AccessSettings;
  open: boolean;
  authorize: Authorize | undefined;
  metrics: NonNullable<Options["metrics"]>;
  metricsPath: string;
  log: NonNullable<Options["log"]>;
  logLevel: NonNullable<Options["logLevel"]>;
  traces: string | undefined;
}

/** With a shorter timeout, Bun closes kept-alive connections that are in use. */
const MIN_HEADER_TIMEOUT_MS = 5000;

/** Fills in the defaults. @throws OptionsError if `access` contains no credentials */
export function resolveOptions(given: Options): Settings {
  const { limits = {}, rooms = {} } = given;
  const access = resolveAccess(given.access);
  // If a secret is missing from the environment, the server must not become open to anyone.
  if (given.access && !hasCredentials(access)) {
    throw new OptionsError(
      "access: no credentials configured; set secrets, keys, jwks or apiKeys, or remove access",
    );
  }
  return {
    rooms,
    compression: Object.values(rooms).some(
      ({ compress }) => compress === true || typeof compress === "object",
    ),
    maxMessage: sizeBytes(limits.message ?? "64KiB"),
    maxBody: sizeBytes(limits.body ?? "1MiB"),
    roomsPerSession: limits.rooms ?? 1000,
    maxSessions: limits.sessions ?? 100_000,
    sessionsPerAddress: limits.sessionsPerAddress ?? 10_000,
    roomsInUse: limits.roomsInUse ?? 200_000,
    roomsPerAddress: limits.roomsPerAddress ?? 20_000,
    headTime: Math.min(255_000, Math.max(MIN_HEADER_TIMEOUT_MS, durationMs(limits.headTime ?? "10s"))),
    bodyTime: durationMs(limits.bodyTime ?? "30s"),
    bodies: sizeBytes(limits.bodies ?? "128MiB"),
    memory: sizeBytes(limits.memory ?? "512MiB"),
    store: resolveStore(given.store ?? { kind: "memory" }),
    rates: resolveRates(limits.rates),
    heartbeat: Math.max(20, durationMs(given.heartbeat ?? 25)),
    origins: (given.origins ?? []).map((origin) => normalOrigin(origin) ?? origin),
    proxies: given.proxies ?? [],
    forwardedHeader: given.forwardedHeader ?? "x-forwarded-for",
    prefix: given.prefix ?? "",
    host: given.host ?? "127.0.0.1",
    port: given.port ?? 3000,
    // Set by `serverSettings`. With the plugin, the app configures TLS.
    tls: undefined,
    drain: durationMs(given.drain ?? 5),
    signals: given.signals ?? true,
    // The demo is meant for trying out the server before credentials are configured.
    demo: given.demo ?? !hasCredentials(access),
    console: given.console ?? true,
    access,
    open: given.open ?? false,
    authorize: given.authorize,
    metrics: given.metrics ?? "loopback",
    metricsPath: given.metricsPath ?? "/metrics",
    log: given.log ?? "pretty",
    logLevel: given.logLevel ?? "info",
    traces: given.traces,
  };
}
