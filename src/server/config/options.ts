// The server's options, as written in a config file or in code.
import type { AccessOptions } from "../../auth/auth-options.ts";
import type { Authorize } from "../../auth/authorizer.ts";
import type { RatesOptions } from "../../limits/rate-options.ts";
import type { Duration, RuleOptions, Size } from "../../rooms/rule-options.ts";
import type { StoreOptions } from "./store-options.ts";
import type { TlsOptions } from "./tls.ts";

/**
 * Limits on the resources that clients can consume. Exceeding a limit returns a specific error code: see
 * docs/limits.md.
 */
export interface LimitOptions {
  /**
   * Maximum size of a publication's data, and of a WebSocket frame: bytes, or a string with a unit.
   * @default "64KiB"
   * @example "256KiB"
   */
  message?: Size;
  /**
   * Maximum size of a batch, and of the room list of a multiplexed stream: bytes, or a string with a unit.
   * @default "1MiB"
   * @example "4MiB"
   */
  body?: Size;
  /**
   * Maximum number of rooms per session.
   * @default 1000
   * @example 100
   */
  rooms?: number;
  /**
   * Maximum number of sessions in total. Each session needs a file descriptor.
   * @default 100_000
   * @example 20_000
   */
  sessions?: number;
  /**
   * Maximum number of sessions per client address. Clients on this machine and API keys do not count.
   * @default 10_000
   * @example 200
   */
  sessionsPerAddress?: number;
  /**
   * Maximum number of rooms with at least one session, in total.
   * @default 200_000
   * @example 50_000
   */
  roomsInUse?: number;
  /**
   * Maximum number of rooms opened per client address, and per user.
   * @default 20_000
   * @example 1000
   */
  roomsPerAddress?: number;
  /**
   * Maximum time to receive the headers of a request or handshake, and maximum idle time of a connection: seconds, or a
   * string with a unit. Values below 5 s or above 255 s are clamped. A change requires a restart.
   * @default "10s"
   * @example "30s"
   */
  headTime?: Duration;
  /**
   * Maximum time to receive the body of a request: seconds, or a string with a unit.
   * @default "30s"
   * @example "10s"
   */
  bodyTime?: Duration;
  /**
   * Maximum memory of all request bodies in transit: bytes, or a string with a unit. When it is exceeded, the oldest
   * body is aborted.
   * @default "128MiB"
   * @example "32MiB"
   */
  bodies?: Size;
  /**
   * Maximum memory of the stored publications of all rooms: bytes, or a string with a unit. When it is exceeded, the
   * oldest publications of the least recently used rooms are evicted.
   * @default "512MiB"
   * @example "2GiB"
   */
  memory?: Size;
  /**
   * Rate limits per session, user, address and API key.
   * @default docs/limits.md lists the defaults
   * @example { session: { publishes: 20 } }
   */
  rates?: RatesOptions;
}

/** Options of `serve()`, of the plugin `thump()` and of a config file. Every field is optional. */
export interface Options {
  /**
   * Room rules per name pattern. The first pattern that matches a room's name applies. `*` matches any characters;
   * `{id}` matches one part without a colon.
   * @default {}: every room has the defaults of `RuleOptions`
   * @example { "chat:*": { history: { count: 200 } }, "user:{id}": { join: "owner", publish: "server" } }
   */
  rooms?: Record<string, RuleOptions>;
  /**
   * Limits on message sizes, sessions, rooms, memory and rates.
   * @default {}: see the fields
   * @example { sessions: 20_000, memory: "1GiB" }
   */
  limits?: LimitOptions;
  /**
   * Storage of publications: in memory, in a SQLite file, or in Redis for several nodes. A change requires a restart.
   * @default { kind: "memory" }
   * @example { kind: "sqlite", dir: "./data" }
   */
  store?: StoreOptions;
  /**
   * Time between two pings to a session: seconds, or a string with a unit. A client that does not respond for two
   * heartbeats is disconnected. A change requires a restart.
   * @default "25s"
   * @example "10s"
   */
  heartbeat?: Duration;
  /**
   * Origins whose pages may use the server, in addition to its own origin and origins on this machine. `"*"` allows
   * all.
   * @default []
   * @example ["https://app.example"]
   */
  origins?: string[];
  /**
   * Addresses and networks of trusted proxies. For requests from these proxies, the client address is read from
   * `forwardedHeader`. `"loopback"` stands for this machine.
   * @default []
   * @example ["10.0.0.0/8", "loopback"]
   */
  proxies?: string[];
  /**
   * Header that trusted proxies set: `X-Forwarded-For`, or `Forwarded` (RFC 7239).
   * @default "x-forwarded-for"
   * @example "forwarded"
   */
  forwardedHeader?: "x-forwarded-for" | "forwarded";
  /**
   * Path prefix of all routes. It must begin with a slash and must not end with one.
   * @default "": no prefix
   * @example "/realtime"
   */
  prefix?: string;
  /**
   * Address to listen on. Server only: with the plugin, your app listens.
   * @default "127.0.0.1"
   * @example "0.0.0.0"
   */
  host?: string;
  /**
   * Port to listen on; 0 selects a free one. Server only.
   * @default 3000
   * @example 8080
   */
  port?: number;
  /**
   * Certificate and private key, to serve HTTPS and WSS. Server only.
   * @default undefined: HTTP
   * @example { cert: "cert.pem", key: "key.pem" }
   */
  tls?: TlsOptions;
  /**
   * Period over which clients reconnect after the server stops: seconds, or a string with a unit. Every session
   * receives a random delay within this period.
   * @default "5s"
   * @example "30s"
   */
  drain?: Duration;
  /**
   * On SIGTERM, drain all sessions and exit. Plugin only: the `thump` command always does so.
   * @default true
   * @example false
   */
  signals?: boolean;
  /**
   * Serve the demo page at `/`, and set up the rooms that it uses. Server only.
   * @default true without credentials in `access`, false with credentials
   * @example false
   */
  demo?: boolean;
  /**
   * Serve the console at `/console`, and publish statistics in the `thump:*` rooms that it reads.
   * @default true
   * @example false
   */
  console?: boolean;
  /**
   * Credentials that the server accepts: secrets, public keys, JWKS and API keys. The server refuses to start if the
   * object is present but contains no credentials.
   * @default undefined: no credentials
   * @example { secrets: process.env["APP_SECRET"]! }
   */
  access?: AccessOptions;
  /**
   * Accept clients from other machines even if neither credentials nor `authorize` is configured.
   * @default false
   * @example true
   */
  open?: boolean;
  /**
   * Function that authorizes each join, publish, and read of history or members. It returns `true` to allow, `false` to
   * refuse, `undefined` to leave the decision to rules and tokens, or a promise of one of these values. The result is
   * cached for 10 s. The function is not called for API keys, or for actions with the level `"server"`.
   * @default undefined: rules and tokens decide
   * @example ({ session, action, room }) => db.isMember(session.user, room)
   */
  authorize?: Authorize;
  /**
   * Clients that may read the metrics: `"loopback"` for programs on this machine and API keys, `"anyone"`, or `"off"`
   * to disable metrics. Server only.
   * @default "loopback"
   * @example "anyone"
   */
  metrics?: "loopback" | "anyone" | "off";
  /**
   * Path of the metrics. Server only.
   * @default "/metrics"
   * @example "/internal/metrics"
   */
  metricsPath?: string;
  /**
   * Log format on stderr: `"pretty"` for people, `"json"` for one JSON object per line, `"none"` for no log. `thump`
   * command only: in code, the program configures LogTape.
   * @default "pretty"
   * @example "json"
   */
  log?: "pretty" | "json" | "none";
  /**
   * Lowest level that is logged. `thump` command only.
   * @default "info"
   * @example "warning"
   */
  logLevel?: "debug" | "info" | "warning" | "error";
  /**
   * URL of an OpenTelemetry collector that receives traces of publications (OTLP over HTTP). `thump` command only.
   * @default undefined: no traces
   * @example "http://127.0.0.1:4318"
   */
  traces?: string;
}

/** Thrown for invalid options. The message names the option, the file or variable that set it, and the reason. */
export class OptionsError extends Error {
  /** Distinguishes this error from others. */
  override readonly name = "OptionsError";
}

/**
 * Returns its argument unchanged. Gives the config file a type, so that editors complete options and show their
 * documentation.
 * @example export default defineConfig({ rooms: { "chat:*": { history: { count: 200 } } } });
 */
export function defineConfig(config: Options): Options {
  return config;
}
