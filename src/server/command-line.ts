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

  --port <n>            port to listen on; 0 for a free one       PORT            3000
  --host <address>      address to listen on                      HOST            127.0.0.1
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
  --redis <url>         keep publications in Redis, for several   THUMP_REDIS         (in memory)
                        nodes: redis://host:6379; rediss://…,
                        redis+sentinel://a,b/name, redis+cluster://a,b
  --heartbeat <time>    between two pings of a session            THUMP_HEARTBEAT     25s
  --drain <time>        spread of reconnects after a stop         THUMP_DRAIN         5s
  --no-demo, --demo     without, with the page at /               THUMP_DEMO=0, =1
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
  config: { type: "string" },
  rooms: { type: "string" },
  origin: { type: "string", multiple: true },
  proxy: { type: "string", multiple: true },
  "max-message": { type: "string" },
  "max-body": { type: "string" },
  "max-rooms": { type: "string" },
  "max-sessions": { type: "string" },
  "max-memory": { type: "string" },
  redis: { type: "string" },
  heartbeat: { type: "string" },
  drain: { type: "string" },
  "no-demo": { type: "boolean" },
  demo: { type: "boolean" },
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
      store: inRedis(env["THUMP_REDIS"]),
      heartbeat: number(env["THUMP_HEARTBEAT"]),
      drain: number(env["THUMP_DRAIN"]),
      demo: yes(env["THUMP_DEMO"]),
      // A command line is seen by others on the machine: it takes no secret.
      access: access(env["THUMP_SECRET"], env["THUMP_JWKS"]),
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
      store: inRedis(flags.redis),
      heartbeat: number(flags.heartbeat),
      drain: number(flags.drain),
      demo: flags["no-demo"] ? false : flags.demo,
      access: access(undefined, flags.jwks),
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
    ...(file.access || fromEnv.access || fromFlags.access
      ? { access: { ...file.access, ...fromEnv.access, ...fromFlags.access } }
      : {}),
  };
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
  const given = compact(
    Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, number(text)])),
  );
  return Object.keys(given).length > 0 ? given : undefined;
}

function access(secrets: string | undefined, jwks: string | undefined): object | undefined {
  const given = compact({ secrets, jwks });
  return Object.keys(given).length > 0 ? given : undefined;
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
