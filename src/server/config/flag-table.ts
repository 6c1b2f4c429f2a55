// The flags and environment variables of `thump serve`. Parsing, `--help` and docs/cli.md all use this table.

/** How the text of a flag or variable is parsed. A switch is a boolean. */
export type ValueKind = "text" | "number" | "list" | "json" | "switch";

export interface FlagDefinition {
  /**
   * The flag with its placeholder, as shown in `--help`: `--port <n>`. Absent for values that only a variable can set.
   */
  flag?: string;
  /** The environment variable. */
  env: string;
  /** Path of the option that the flag sets, such as `limits.message`. Absent for `--config`, which sets no option. */
  option?: string;
  /** Other fields of the same option that the flag also sets. */
  implies?: Record<string, string>;
  /** The flag that this flag requires. */
  needs?: string;
  /** @default "text" */
  reads?: ValueKind;
  /** Set if a `--no-…` flag also exists. */
  off?: true;
  /**
   * Set if an empty variable counts as unset, as it always does for switches. Otherwise, an empty variable is an error.
   */
  emptyIsNone?: true;
  /** The possible values, if there are only a few. */
  values?: string[];
  /** The default, as shown in `--help`. */
  fallback?: string;
  description: string;
}

export interface FlagGroup {
  title: string;
  flags: FlagDefinition[];
}

const NETWORK: FlagDefinition[] = [
  {
    flag: "--port <n>",
    env: "PORT",
    option: "port",
    reads: "number",
    fallback: "3000",
    description: "port to listen on; 0 selects a free port",
  },
  {
    flag: "--host <address>",
    env: "HOST",
    option: "host",
    fallback: "127.0.0.1",
    description: "address to listen on",
  },
  {
    flag: "--tls-cert <file>",
    env: "THUMP_TLS_CERT",
    option: "tls.cert",
    description: "PEM file with the certificate and its intermediates; enables https and wss",
  },
  {
    flag: "--tls-key <file>",
    env: "THUMP_TLS_KEY",
    option: "tls.key",
    description: "PEM file with the certificate's private key",
  },
  {
    env: "THUMP_TLS_PASSPHRASE",
    option: "tls.passphrase",
    description: "passphrase of an encrypted private key",
  },
  {
    flag: "--origin <origin>",
    env: "THUMP_ORIGINS",
    option: "origins",
    reads: "list",
    description: "allow pages from this origin; repeatable",
  },
  {
    flag: "--proxy <address>",
    env: "THUMP_PROXIES",
    option: "proxies",
    reads: "list",
    description: "trust the forwarding header from this proxy or network; repeatable",
  },
];

const ROOMS: FlagDefinition[] = [
  {
    flag: "--config <file>",
    env: "THUMP_CONFIG",
    fallback: "./thump.config.{ts,json}",
    description: "config file",
  },
  {
    flag: "--rooms <json>",
    env: "THUMP_ROOMS",
    option: "rooms",
    reads: "json",
    fallback: "{}",
    description: "room rules per name pattern",
  },
  {
    flag: "--demo",
    off: true,
    env: "THUMP_DEMO",
    option: "demo",
    reads: "switch",
    fallback: "on without credentials",
    description: "serve the demo page at /",
  },
  {
    flag: "--no-console",
    env: "THUMP_CONSOLE",
    option: "console",
    reads: "switch",
    description: "do not serve the console at /console",
  },
];

const STORAGE: FlagDefinition[] = [
  {
    flag: "--data <folder>",
    env: "THUMP_DATA",
    option: "store.dir",
    implies: { kind: "sqlite" },
    fallback: "in memory",
    description: "store messages in a SQLite file in this folder",
  },
  {
    flag: "--durability <mode>",
    env: "THUMP_DURABILITY",
    option: "store.durability",
    needs: "--data",
    values: ["normal", "fsync"],
    fallback: "normal",
    description: "normal, or fsync to survive a power failure",
  },
  {
    flag: "--redis <url>",
    env: "THUMP_REDIS",
    option: "store.url",
    implies: { kind: "redis" },
    fallback: "in memory",
    description:
      "store messages in Redis, for several nodes: redis://host:6379, rediss://…, " +
      "redis+sentinel://a,b/name, redis+cluster://a,b",
  },
];

const AUTHENTICATION: FlagDefinition[] = [
  {
    env: "THUMP_SECRET",
    option: "access.secrets",
    description: "accept tokens signed with this secret (at least 32 bytes)",
  },
  {
    flag: "--jwks <url>",
    env: "THUMP_JWKS",
    option: "access.jwks",
    description: "JWKS URL used to verify tokens",
  },
  {
    flag: "--open",
    env: "THUMP_OPEN",
    option: "open",
    reads: "switch",
    description: "accept requests from other machines without credentials",
  },
];

const limit = (
  flag: string,
  env: string,
  option: string,
  fallback: string,
  description: string,
): FlagDefinition => ({
  flag,
  env,
  option: `limits.${option}`,
  reads: "number",
  fallback,
  description,
});

const LIMITS: FlagDefinition[] = [
  limit(
    "--max-message <size>",
    "THUMP_MAX_MESSAGE",
    "message",
    "64KiB",
    "maximum size of a message or a frame",
  ),
  limit("--max-body <size>", "THUMP_MAX_BODY", "body", "1MiB", "maximum size of a batch"),
  limit("--max-rooms <n>", "THUMP_MAX_ROOMS", "rooms", "1000", "maximum number of rooms per session"),
  limit("--max-sessions <n>", "THUMP_MAX_SESSIONS", "sessions", "100000", "maximum number of sessions"),
  limit(
    "--max-memory <size>",
    "THUMP_MAX_MEMORY",
    "memory",
    "512MiB",
    "maximum memory for all stored messages",
  ),
];

const OPERATIONS: FlagDefinition[] = [
  {
    flag: "--heartbeat <time>",
    env: "THUMP_HEARTBEAT",
    option: "heartbeat",
    reads: "number",
    fallback: "25s",
    description: "interval between pings to each session",
  },
  {
    flag: "--drain <time>",
    env: "THUMP_DRAIN",
    option: "drain",
    reads: "number",
    fallback: "5s",
    description: "time over which clients reconnect when the server stops",
  },
  {
    flag: "--metrics <readers>",
    env: "THUMP_METRICS",
    option: "metrics",
    values: ["loopback", "anyone", "off"],
    fallback: "loopback",
    description: "access to the metrics: loopback, anyone or off",
  },
  {
    flag: "--metrics-path <path>",
    env: "THUMP_METRICS_PATH",
    option: "metricsPath",
    fallback: "/metrics",
    description: "path of the metrics endpoint",
  },
  {
    flag: "--log <format>",
    env: "THUMP_LOG",
    option: "log",
    values: ["pretty", "json", "none"],
    fallback: "pretty",
    description: "log format on stderr: pretty, json or none",
  },
  {
    flag: "--log-level <level>",
    env: "THUMP_LOG_LEVEL",
    option: "logLevel",
    values: ["debug", "info", "warning", "error"],
    fallback: "info",
    description: "minimum level to log: debug, info, warning or error",
  },
  {
    flag: "--traces <url>",
    env: "OTEL_EXPORTER_OTLP_ENDPOINT",
    option: "traces",
    emptyIsNone: true,
    description: "URL of an OpenTelemetry collector (OTLP over HTTP)",
  },
];

/** All flags, in the groups of `--help`. */
export const FLAG_GROUPS: FlagGroup[] = [
  { title: "Network", flags: NETWORK },
  { title: "Rooms", flags: ROOMS },
  { title: "Storage", flags: STORAGE },
  { title: "Authentication", flags: AUTHENTICATION },
  { title: "Limits", flags: LIMITS },
  { title: "Operations", flags: OPERATIONS },
];

export const FLAGS: FlagDefinition[] = FLAG_GROUPS.flatMap(({ flags }) => flags);

/** Name of the flag without dashes and `no-`; undefined if there is only a variable. */
export function flagName({ flag }: FlagDefinition): string | undefined {
  return flag === undefined ? undefined : /^--(?:no-)?([a-z-]+)/.exec(flag)?.[1];
}
