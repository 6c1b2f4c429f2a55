// Where options come from: flags over environment over a file over defaults.
import { readFile } from "./config-file.ts";
import { parseFlags } from "./flags.ts";
import { checkOptions, type Options, OptionsError } from "./options.ts";

/** What `--help` prints. */
export const HELP = `thump: a broadcast server. A room is a URL: POST to speak, GET to listen.

Usage: thump [options]            serve
       thump check [config]       validate a config, print what it comes to: thump check --help
       thump token [options]      print a token: thump token --help
       thump key [options]        print an API key and its hash: thump key --help
       thump backup [options]     copy the file of a running server: thump backup --help

  --port <n>            port to listen on; 0 for a free one       PORT            3000
  --host <address>      address to listen on                      HOST            127.0.0.1
  --tls-cert <file>     serve https and wss: the certificate,     THUMP_TLS_CERT
                        with those that sign it, as PEM
  --tls-key <file>      its private key; the passphrase of an     THUMP_TLS_KEY
                        encrypted one                             THUMP_TLS_PASSPHRASE
  --config <file>       thump.config.ts or .json                  THUMP_CONFIG    ./thump.config.{ts,json}
  --rooms <json>        room rules by pattern                     THUMP_ROOMS     {}
  --jwks <url>          whose tokens are good: published keys     THUMP_JWKS
                        a shared secret, of 32 characters or more THUMP_SECRET
  --open                let others than this machine in           THUMP_OPEN=1
                        although there is no secret
  --origin <origin>     let pages of an origin in; repeatable     THUMP_ORIGINS   (comma-separated)
  --proxy <address>     believe a proxy, or a network of them,    THUMP_PROXIES   (comma-separated)
                        about where requests come from; repeatable
  --max-message <size>  largest publication and frame             THUMP_MAX_MESSAGE   64KiB
  --max-body <size>     largest batch                             THUMP_MAX_BODY      1MiB
  --max-rooms <n>       rooms one session may be in               THUMP_MAX_ROOMS     1000
  --max-sessions <n>    sessions in all                           THUMP_MAX_SESSIONS  100000
  --max-memory <size>   what is kept of all rooms together        THUMP_MAX_MEMORY    512MiB
  --data <folder>       keep publications in a file there         THUMP_DATA          (in memory)
  --durability <what>   normal, or fsync: outlive a power cut too THUMP_DURABILITY    normal
  --redis <url>         keep publications in Redis, for several   THUMP_REDIS         (in memory)
                        nodes: redis://host:6379; rediss://…,
                        redis+sentinel://a,b/name, redis+cluster://a,b
  --heartbeat <time>    between two pings of a session            THUMP_HEARTBEAT     25s
  --drain <time>        spread of reconnects after a stop         THUMP_DRAIN         5s
  --no-demo, --demo     without, with the page at /               THUMP_DEMO=0, =1
  --no-console          without the page at /console              THUMP_CONSOLE=0
  --metrics <who>       who may read them: loopback, anyone, off  THUMP_METRICS       loopback
  --metrics-path <path> where they are                            THUMP_METRICS_PATH  /metrics
  --log <form>          to stderr: pretty, json or none           THUMP_LOG           pretty
  --log-level <level>   debug, info, warning or error             THUMP_LOG_LEVEL     info
  --traces <url>        OpenTelemetry collector (OTLP over HTTP)  OTEL_EXPORTER_OTLP_ENDPOINT
  --version, --help

Examples:
  thump --port 8080
  thump --rooms '{"ticker:*":{"lag":"latest","history":{"count":1}}}'
  curl -d 'hi' http://127.0.0.1:3000/rooms/chat
  curl -N -H 'accept: text/event-stream' http://127.0.0.1:3000/rooms/chat

Signals: SIGTERM and SIGINT drain, then stop; SIGHUP reads the configuration again.
Exit codes: 0 stopped, 1 could not start or was stopped twice, 2 the options are wrong.
`;

const FLAGS = {
  port: { type: "string" },
  host: { type: "string" },
  "tls-cert": { type: "string" },
  "tls-key": { type: "string" },
  config: { type: "string" },
  rooms: { type: "string" },
  origin: { type: "string", multiple: true },
  proxy: { type: "string", multiple: true },
  "max-message": { type: "string" },
  "max-body": { type: "string" },
  "max-rooms": { type: "string" },
  "max-sessions": { type: "string" },
  "max-memory": { type: "string" },
  data: { type: "string" },
  durability: { type: "string" },
  redis: { type: "string" },
  heartbeat: { type: "string" },
  drain: { type: "string" },
  "no-demo": { type: "boolean" },
  demo: { type: "boolean" },
  "no-console": { type: "boolean" },
  jwks: { type: "string" },
  open: { type: "boolean" },
  metrics: { type: "string" },
  "metrics-path": { type: "string" },
  log: { type: "string" },
  "log-level": { type: "string" },
  traces: { type: "string" },
  version: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

type Environment = Record<string, string | undefined>;

/** The flags as they were given. @throws OptionsError for one that does not exist */
export function readFlags(args: string[]) {
  return parseFlags("thump", args, FLAGS).values;
}

/** All options, from everywhere. @throws OptionsError */
export async function readOptions(
  flags: ReturnType<typeof readFlags>,
  env: Environment,
  cwd: string,
): Promise<Options> {
  const file = await readFile(flags.config ?? env["THUMP_CONFIG"], cwd);
  const fromEnv = checkOptions(
    compact({
      port: number(env["PORT"]),
      host: env["HOST"],
      tls: some({
        cert: env["THUMP_TLS_CERT"],
        key: env["THUMP_TLS_KEY"],
        passphrase: env["THUMP_TLS_PASSPHRASE"],
      }),
      rooms: json(env["THUMP_ROOMS"], "THUMP_ROOMS"),
      origins: list(env["THUMP_ORIGINS"]),
      proxies: list(env["THUMP_PROXIES"]),
      limits: limits({
        message: env["THUMP_MAX_MESSAGE"],
        body: env["THUMP_MAX_BODY"],
        rooms: env["THUMP_MAX_ROOMS"],
        sessions: env["THUMP_MAX_SESSIONS"],
        memory: env["THUMP_MAX_MEMORY"],
      }),
      store: inFile(env["THUMP_DATA"], env["THUMP_DURABILITY"]) ?? inRedis(env["THUMP_REDIS"]),
      heartbeat: number(env["THUMP_HEARTBEAT"]),
      drain: number(env["THUMP_DRAIN"]),
      demo: yes(env["THUMP_DEMO"]),
      console: yes(env["THUMP_CONSOLE"]),
      // A command line is seen by others on the machine: it takes no secret.
      access: some({ secrets: env["THUMP_SECRET"], jwks: env["THUMP_JWKS"] }),
      open: yes(env["THUMP_OPEN"]),
      metrics: env["THUMP_METRICS"],
      metricsPath: env["THUMP_METRICS_PATH"],
      log: env["THUMP_LOG"],
      logLevel: env["THUMP_LOG_LEVEL"],
      traces: env["OTEL_EXPORTER_OTLP_ENDPOINT"] || undefined,
    }),
    "environment",
  );
  const fromFlags = checkOptions(
    compact({
      port: number(flags.port),
      host: flags.host,
      tls: some({ cert: flags["tls-cert"], key: flags["tls-key"] }),
      rooms: json(flags.rooms, "--rooms"),
      origins: flags.origin,
      proxies: flags.proxy,
      limits: limits({
        message: flags["max-message"],
        body: flags["max-body"],
        rooms: flags["max-rooms"],
        sessions: flags["max-sessions"],
        memory: flags["max-memory"],
      }),
      store:
        inFile(
          flags.data ?? (flags.durability === undefined ? undefined : env["THUMP_DATA"]),
          flags.durability ?? env["THUMP_DURABILITY"],
        ) ?? inRedis(flags.redis),
      heartbeat: number(flags.heartbeat),
      drain: number(flags.drain),
      demo: flags["no-demo"] ? false : flags.demo,
      console: flags["no-console"] ? false : undefined,
      access: some({ jwks: flags.jwks }),
      open: flags.open,
      metrics: flags.metrics,
      metricsPath: flags["metrics-path"],
      log: flags.log,
      logLevel: flags["log-level"],
      traces: flags.traces,
    }),
    "command line",
  );
  return {
    ...file,
    ...fromEnv,
    ...fromFlags,
    // Rules given closer by are tried first; the others still hold for other names.
    rooms: {
      ...fromFlags.rooms,
      ...without(fromEnv.rooms, fromFlags.rooms),
      ...without(file.rooms, fromFlags.rooms, fromEnv.rooms),
    },
    limits: { ...file.limits, ...fromEnv.limits, ...fromFlags.limits },
    ...merged("access", file, fromEnv, fromFlags),
    ...merged("tls", file, fromEnv, fromFlags),
  };
}

/** An option whose fields may come from several places: those given closer by go before. */
function merged(name: "access" | "tls", ...sources: Options[]): Options {
  const given = sources.map((source) => source[name]).filter((one) => one !== undefined);
  return given.length > 0 ? { [name]: Object.assign({}, ...given) as object } : {};
}

/** A size or a duration without a unit is a number, in bytes or seconds. What is no number stays for the schema. */
function number(text: string | undefined): number | string | undefined {
  return text !== undefined && /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : text;
}

function list(text: string | undefined): string[] | undefined {
  return text?.split(",").map((one) => one.trim());
}

function json(text: string | undefined, source: string): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new OptionsError(`${source}: is not JSON: ${(error as Error).message}`);
  }
}

function limits(texts: Record<string, string | undefined>): object | undefined {
  return some(Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, number(text)])));
}

/** What of an option's fields was given; nothing when none was. */
function some(fields: Record<string, unknown>): object | undefined {
  const given = compact(fields);
  return Object.keys(given).length > 0 ? given : undefined;
}

/** The short form: a folder. Without one, how well it keeps is for the configuration file to say. */
function inFile(dir: string | undefined, durability: string | undefined): object | undefined {
  return dir === undefined ? undefined : compact({ kind: "sqlite", dir, durability });
}

function inRedis(url: string | undefined): object | undefined {
  return url === undefined ? undefined : { kind: "redis", url };
}

function yes(text: string | undefined): boolean | undefined {
  return text === undefined ? undefined : text !== "0";
}

function compact(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

function without<T>(
  rules: Record<string, T> = {},
  ...taken: (Record<string, T> | undefined)[]
): Record<string, T> {
  return Object.fromEntries(
    Object.entries(rules).filter(([pattern]) => !taken.some((other) => other && pattern in other)),
  );
}
