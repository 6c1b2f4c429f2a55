// What `thump serve` can be told by flags and environment: the one table that parsing, help and docs come from.

/** How the text of a flag or a variable is read. */
export type ValueKind = "text" | "number" | "list" | "json" | "switch";

export interface Setting {
  /** As help shows it: `--port <n>`. Without it the environment alone sets it: others on the machine see flags. */
  flag?: string;
  /** The environment variable. */
  env: string;
  /** Where it goes in the options: `limits.message`. `--config` is no option: it says where options are. */
  option?: string;
  /** What it also says of the option that it is a field of. */
  implies?: Record<string, string>;
  /** It is about an option that has to be there, such as by this flag. */
  needs?: string;
  /** `text` unless it says otherwise. */
  reads?: ValueKind;
  /** There is `--no-…` beside the flag. One that is there alone is the flag itself. */
  off?: true;
  /** An empty variable is none, as it is for a switch. Elsewhere it is a mistake that should not pass for a choice. */
  emptyIsNone?: true;
  /** What it may be, where there are a few. */
  values?: string[];
  /** What holds when nobody says anything, as help shows it. */
  fallback?: string;
  description: string;
}

export interface Group {
  title: string;
  settings: Setting[];
}

const LISTENING: Setting[] = [
  {
    flag: "--port <n>",
    env: "PORT",
    option: "port",
    reads: "number",
    fallback: "3000",
    description: "port to listen on; 0 for a free one",
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
    description: "serve https and wss: the certificate, with those that sign it, as PEM",
  },
  {
    flag: "--tls-key <file>",
    env: "THUMP_TLS_KEY",
    option: "tls.key",
    description: "its private key, as PEM",
  },
  {
    env: "THUMP_TLS_PASSPHRASE",
    option: "tls.passphrase",
    description: "the passphrase of an encrypted private key",
  },
  {
    flag: "--origin <origin>",
    env: "THUMP_ORIGINS",
    option: "origins",
    reads: "list",
    description: "let pages of an origin in; repeatable",
  },
  {
    flag: "--proxy <address>",
    env: "THUMP_PROXIES",
    option: "proxies",
    reads: "list",
    description: "believe a proxy, or a network of them, about where requests come from; repeatable",
  },
];

const ROOMS: Setting[] = [
  {
    flag: "--config <file>",
    env: "THUMP_CONFIG",
    fallback: "./thump.config.{ts,json}",
    description: "the config file",
  },
  {
    flag: "--rooms <json>",
    env: "THUMP_ROOMS",
    option: "rooms",
    reads: "json",
    fallback: "{}",
    description: "room rules by pattern",
  },
  {
    flag: "--demo",
    off: true,
    env: "THUMP_DEMO",
    option: "demo",
    reads: "switch",
    fallback: "with, unless there is a secret",
    description: "the page at /",
  },
  {
    flag: "--no-console",
    env: "THUMP_CONSOLE",
    option: "console",
    reads: "switch",
    description: "without the page at /console",
  },
];

const KEEPING: Setting[] = [
  {
    flag: "--data <folder>",
    env: "THUMP_DATA",
    option: "store.dir",
    implies: { kind: "sqlite" },
    fallback: "in memory",
    description: "keep publications in a file there",
  },
  {
    flag: "--durability <what>",
    env: "THUMP_DURABILITY",
    option: "store.durability",
    needs: "--data",
    values: ["normal", "fsync"],
    fallback: "normal",
    description: "normal, or fsync: outlive a power cut too",
  },
  {
    flag: "--redis <url>",
    env: "THUMP_REDIS",
    option: "store.url",
    implies: { kind: "redis" },
    fallback: "in memory",
    description:
      "keep publications in Redis, for several nodes: redis://host:6379, rediss://…, " +
      "redis+sentinel://a,b/name, redis+cluster://a,b",
  },
];

const ACCESS: Setting[] = [
  {
    env: "THUMP_SECRET",
    option: "access.secrets",
    description: "a shared secret that tokens are signed with, of 32 characters or more",
  },
  {
    flag: "--jwks <url>",
    env: "THUMP_JWKS",
    option: "access.jwks",
    description: "whose tokens are good: published keys",
  },
  {
    flag: "--open",
    env: "THUMP_OPEN",
    option: "open",
    reads: "switch",
    description: "let others than this machine in although there is no secret",
  },
];

const limit = (
  flag: string,
  env: string,
  option: string,
  fallback: string,
  description: string,
): Setting => ({
  flag,
  env,
  option: `limits.${option}`,
  reads: "number",
  fallback,
  description,
});

const LIMITS: Setting[] = [
  limit("--max-message <size>", "THUMP_MAX_MESSAGE", "message", "64KiB", "largest publication and frame"),
  limit("--max-body <size>", "THUMP_MAX_BODY", "body", "1MiB", "largest batch"),
  limit("--max-rooms <n>", "THUMP_MAX_ROOMS", "rooms", "1000", "rooms one session may be in"),
  limit("--max-sessions <n>", "THUMP_MAX_SESSIONS", "sessions", "100000", "sessions in all"),
  limit("--max-memory <size>", "THUMP_MAX_MEMORY", "memory", "512MiB", "what is kept of all rooms together"),
];

const OPERATING: Setting[] = [
  {
    flag: "--heartbeat <time>",
    env: "THUMP_HEARTBEAT",
    option: "heartbeat",
    reads: "number",
    fallback: "25s",
    description: "between two pings of a session",
  },
  {
    flag: "--drain <time>",
    env: "THUMP_DRAIN",
    option: "drain",
    reads: "number",
    fallback: "5s",
    description: "spread of reconnects after a stop",
  },
  {
    flag: "--metrics <who>",
    env: "THUMP_METRICS",
    option: "metrics",
    values: ["loopback", "anyone", "off"],
    fallback: "loopback",
    description: "who may read them: loopback, anyone, off",
  },
  {
    flag: "--metrics-path <path>",
    env: "THUMP_METRICS_PATH",
    option: "metricsPath",
    fallback: "/metrics",
    description: "where they are",
  },
  {
    flag: "--log <form>",
    env: "THUMP_LOG",
    option: "log",
    values: ["pretty", "json", "none"],
    fallback: "pretty",
    description: "lines on stderr: pretty, json or none",
  },
  {
    flag: "--log-level <level>",
    env: "THUMP_LOG_LEVEL",
    option: "logLevel",
    values: ["debug", "info", "warning", "error"],
    fallback: "info",
    description: "debug, info, warning or error",
  },
  {
    flag: "--traces <url>",
    env: "OTEL_EXPORTER_OTLP_ENDPOINT",
    option: "traces",
    emptyIsNone: true,
    description: "an OpenTelemetry collector (OTLP over HTTP)",
  },
];

/** All of them, as help groups them. */
export const GROUPS: Group[] = [
  { title: "Listening", settings: LISTENING },
  { title: "Rooms", settings: ROOMS },
  { title: "Keeping", settings: KEEPING },
  { title: "Who may", settings: ACCESS },
  { title: "Limits", settings: LIMITS },
  { title: "Operating", settings: OPERATING },
];

export const SETTINGS: Setting[] = GROUPS.flatMap(({ settings }) => settings);

/** The flag's name without dashes and `no-`; nothing where there is none. */
export function flagName({ flag }: Setting): string | undefined {
  return flag === undefined ? undefined : /^--(?:no-)?([a-z-]+)/.exec(flag)?.[1];
}
