// The server's options: one schema for flags, environment, file and code; and their defaults.
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { fieldErrors } from "../../protocol/field-errors.ts";
import { normalOrigin, originsFault } from "../../auth/origins.ts";
import type { Authorize } from "../../auth/authorizer.ts";
import { type ForwardedHeader, proxiesFault } from "../../limits/trusted-proxies.ts";
import { type Rates, RatesOptions, resolveRates } from "../../limits/rate-options.ts";
import {
  accessFault,
  AccessOptions,
  type AccessSettings,
  hasCredentials,
  resolveAccess,
} from "../../auth/auth-options.ts";
import { Duration, RuleOptions, ruleFault, Size } from "../../rooms/rule.ts";
import { durationMs, sizeBytes } from "../../rooms/units.ts";
import { resolveStore, storeFault, StoreOptions, type StoreSettings } from "./store-options.ts";
import { TlsOptions, type TlsPair } from "./tls.ts";

const MetricsFor = Type.Union([Type.Literal("loopback"), Type.Literal("anyone"), Type.Literal("off")]);
const LogForm = Type.Union([Type.Literal("pretty"), Type.Literal("json"), Type.Literal("none")]);
const LogLevel = Type.Union([
  Type.Literal("debug"),
  Type.Literal("info"),
  Type.Literal("warning"),
  Type.Literal("error"),
]);

const Limits = Type.Object(
  {
    message: Type.Optional(Size),
    body: Type.Optional(Size),
    rooms: Type.Optional(Type.Integer({ minimum: 1 })),
    sessions: Type.Optional(Type.Integer({ minimum: 1 })),
    sessionsPerAddress: Type.Optional(Type.Integer({ minimum: 1 })),
    roomsInUse: Type.Optional(Type.Integer({ minimum: 1 })),
    roomsPerAddress: Type.Optional(Type.Integer({ minimum: 1 })),
    headTime: Type.Optional(Duration),
    bodyTime: Type.Optional(Duration),
    bodies: Type.Optional(Size),
    memory: Type.Optional(Size),
    rates: Type.Optional(RatesOptions),
  },
  { additionalProperties: false },
);

export const Options = Type.Object(
  {
    rooms: Type.Optional(Type.Record(Type.String({ minLength: 1 }), RuleOptions)),
    limits: Type.Optional(Limits),
    store: Type.Optional(StoreOptions),
    heartbeat: Type.Optional(Duration),
    origins: Type.Optional(Type.Array(Type.String())),
    proxies: Type.Optional(Type.Array(Type.String())),
    forwardedHeader: Type.Optional(Type.Union([Type.Literal("x-forwarded-for"), Type.Literal("forwarded")])),
    prefix: Type.Optional(Type.String({ pattern: "^/.*[^/]$" })),
    host: Type.Optional(Type.String({ minLength: 1 })),
    port: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
    tls: Type.Optional(TlsOptions),
    drain: Type.Optional(Duration),
    signals: Type.Optional(Type.Boolean()),
    demo: Type.Optional(Type.Boolean()),
    console: Type.Optional(Type.Boolean()),
    access: Type.Optional(AccessOptions),
    open: Type.Optional(Type.Boolean()),
    // What is no function is found below: a schema cannot tell.
    authorize: Type.Optional(Type.Unsafe<Authorize>({})),
    metrics: Type.Optional(MetricsFor),
    metricsPath: Type.Optional(Type.String({ pattern: "^/[A-Za-z0-9/._~-]+$" })),
    log: Type.Optional(LogForm),
    logLevel: Type.Optional(LogLevel),
    traces: Type.Optional(Type.String({ pattern: "^https?://.+$" })),
  },
  { additionalProperties: false },
);

/**
 * - `rooms`: room rules by pattern; the first that matches a name counts.
 * - `limits.message`: the largest data of a publication and the largest socket frame (default 64KiB);
 *   `limits.body`: the largest batch (1MiB); `limits.rooms`: how many rooms one session may be in (1000);
 *   `limits.sessions`: how many there may be (100,000); `limits.sessionsPerAddress`: of them from one (10,000);
 *   `limits.roomsInUse`: how many rooms may be in use (200,000); `limits.roomsPerAddress`: of them opened by one (20,000);
 *   `limits.headTime`: how long a request may be silent, or take until its headers are there (10s; 5s to 255s);
 *   `limits.bodyTime`: how long the body of a request may take to come (30s);
 *   `limits.bodies`: what bodies that are on their way may take together (128MiB);
 *   `limits.memory`: how much may be kept of all rooms together (512MiB);
 *   `limits.rates`: how fast a session, a user, an address and an API key may go: `{ session: { publishes: 10 } }`.
 * - `store`: where publications are kept: see `StoreOptions`.
 * - `heartbeat`: seconds between two pings of a session (25).
 * - `origins`: web pages of which other origins may use the server; "*" for all. Its own and loopback always may.
 * - `proxies`: addresses and networks of proxies whose `forwardedHeader` (x-forwarded-for, or forwarded) says where a
 *   request came from; "loopback" for this machine.
 * - `prefix`: a path before all routes, for the plugin.
 * - `host` (127.0.0.1), `port` (3000), `drain`: over how long clients come back after a stop (5s),
 *   `demo`: the page at `/` and its ticker (true, without secrets), `tls`: the files of a certificate and its key, for
 *   https: of the server alone.
 * - `signals`: the plugin drains on SIGTERM and ends the process (true): of the plugin alone.
 * - `console`: the page at `/console` for operators, and the rooms that it listens in (true).
 * - `access`: whom the server believes: secrets, public keys, API keys. With any of them, what no rule opens takes
 *   a grant. `open`: without them, others than this machine may come too.
 * - `authorize`: code that is asked before anybody joins, publishes, reads history or members:
 *   `({ session, action, room }) => true | false | undefined`, or a promise of it; undefined leaves it to the rules.
 * - `metrics`: who may read them: `loopback` (default; programs on this machine, and API keys), `anyone`, or `off`;
 *   `metricsPath` (/metrics): of the server alone.
 * - `log`: `pretty` (default), `json` or `none`; `logLevel` (info): of the server alone.
 * - `traces`: where an OpenTelemetry collector takes OTLP over HTTP: of the server alone.
 */
export type Options = Static<typeof Options>;

/** Options with every default filled in; durations in ms, sizes in bytes. */
export interface Settings {
  rooms: Record<string, RuleOptions>;
  /** Some rule asks for it, so sockets are offered it (RFC 7692). */
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
  metrics: Static<typeof MetricsFor>;
  metricsPath: string;
  log: Static<typeof LogForm>;
  logLevel: Static<typeof LogLevel>;
  traces: string | undefined;
}

const options = Compile(Options);

/** In ms. With less, Bun cuts off connections that are kept alive and in use. */
const MIN_HEADER_TIMEOUT_MS = 5000;

/** Options that cannot be used: says which, and where they came from. */
export class OptionsError extends Error {
  override readonly name = "OptionsError";
}

/** Checks what came from `source`. @throws OptionsError */
export function checkOptions(value: unknown, source: string): Options {
  if (options.Check(value)) return checkRest(value, source);
  // A union reports each of its branches: the deepest finding is the one that was meant.
  const [worst] = fieldErrors(options.Errors(value)).sort(
    (a, b) => b.path.split("/").length - a.path.split("/").length,
  );
  const path = worst?.path.slice(1).replaceAll("/", " › ").replaceAll("~1", "/").replaceAll("~0", "~");
  throw new OptionsError(`${source}: ${path || "the options"} ${worst?.message}`);
}

/** What the schema cannot see. */
function checkRest(value: Options, source: string): Options {
  for (const [pattern, rule] of Object.entries(value.rooms ?? {})) {
    const [field, why] = ruleFault(pattern, rule) ?? [];
    if (field !== undefined) throw new OptionsError(`${source}: rooms › ${pattern} › ${field} ${why}`);
  }
  const fault = accessFault(value.access ?? {});
  if (fault !== undefined) throw new OptionsError(`${source}: access › ${fault}`);
  const badStore = storeFault(value.store ?? { kind: "memory" });
  if (badStore !== undefined) throw new OptionsError(`${source}: store › ${badStore}`);
  const badOrigin = originsFault(value.origins ?? []);
  if (badOrigin !== undefined) throw new OptionsError(`${source}: origins › ${badOrigin}`);
  const badProxy = proxiesFault(value.proxies ?? []);
  if (badProxy !== undefined) throw new OptionsError(`${source}: proxies › ${badProxy}`);
  if (value.authorize !== undefined && typeof value.authorize !== "function")
    throw new OptionsError(`${source}: authorize must be a function`);
  return value;
}

/** Fills in the defaults. @throws OptionsError for what cannot be meant */
export function resolveOptions(given: Options): Settings {
  const { limits = {}, rooms = {} } = given;
  const access = resolveAccess(given.access);
  // A secret that should have come from the environment, and did not, must not open the server.
  if (given.access && !hasCredentials(access)) {
    throw new OptionsError(
      "access: it names nobody to believe: give it secrets, keys, jwks or apiKeys, or leave access out",
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
    // Read by the server, which alone listens.
    tls: undefined,
    drain: durationMs(given.drain ?? 5),
    signals: given.signals ?? true,
    // A page to try things out is not for a server that knows whom it lets in.
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

/** Gives a config file its types: `export default defineConfig({ rooms: { … } })`. */
export function defineConfig(config: Options): Options {
  return config;
}
