// The command line: exit codes, machine-readable output, and the flags of each command.
import { type Ran, run } from "../../support/command.ts";
import { folder } from "../../support/process.ts";
import { SECRET } from "../../support/tokens.ts";
import { freePort } from "../../durable/port.ts";
import type { Recorder } from "./recorder.ts";
import { indent } from "./recorder.ts";
import { KEYS, SECURED } from "./secured.ts";
import { type Recorded, start } from "./server.ts";

const COMMANDS = [
  "serve",
  "publish",
  "tail",
  "rooms",
  "bench",
  "check",
  "backup",
  "token",
  "key",
  "completion",
];

export async function commands(): Promise<string> {
  const dir = folder();
  const open = await start({ store: { kind: "sqlite", dir: "data" } }, dir);
  await open.recorder.learnEpoch();
  open.recorder.hide(dir, "<folder>");
  const secured = await start(SECURED);
  open.recorder.hide(`127.0.0.1:${secured.server.port}`, "<secured host>");
  for (const [name, key] of Object.entries(KEYS)) open.recorder.hide(key, `<key ${name}>`);
  open.recorder.hide(SECRET, "<secret>");
  await flags(open.recorder);
  await publishing(open, secured);
  await reading(open, secured);
  await alone(open);
  await configs(open.recorder);
  return open.recorder.text;
}

interface Given {
  env?: Record<string, string>;
  input?: string;
  /** Selects which part of the output to record. */
  show?: (out: string) => string;
}

type Line = [args: string[], given?: Given];

/** Maximum number of concurrent commands. */
const AT_A_TIME = 3;

async function write(recorder: Recorder, args: string[], given: Given = {}): Promise<void> {
  report(recorder, [args, given], await run(args, given.env, given.input));
}

/** Runs independent commands in parallel, but records them in the given order. */
async function writeAll(recorder: Recorder, lines: Line[]): Promise<void> {
  const results: Ran[] = [];
  const next = lines.entries();
  const worker = async () => {
    for (const [i, [args, given]] of next) results[i] = await run(args, given?.env, given?.input);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  for (const [i, line] of lines.entries()) report(recorder, line, results[i] as Ran);
}

function report(recorder: Recorder, [args, given = {}]: Line, ran: Ran): void {
  const { env = {}, input = "", show = (out: string) => out } = given;
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value} `);
  recorder.note(`$ ${variables.join("")}thump ${args.map(quoted).join(" ")}`);
  if (input !== "") recorder.note(indent(`< ${JSON.stringify(input)}`));
  if (ran.out !== "") recorder.note(indent(show(ran.out)));
  recorder.note(`  exit code ${ran.code}${ran.err === "" ? "" : ", with words on stderr"}`);
}

const quoted = (text: string) => (/^[\w./:=<>-]+$/.test(text) ? text : `'${text}'`);

/** Records the names of flags and variables in the help, without descriptions. */
async function flags(recorder: Recorder): Promise<void> {
  recorder.part("flags and environment variables");
  const ofHelp = (help: string) =>
    [...new Set(help.match(/--[a-z][a-z-]*|\b(?:PORT|HOST|(?:THUMP|OTEL)_[A-Z_]+)\b/g))]
      .toSorted()
      .join("\n");
  const helps = [["--help"], ...COMMANDS.map((command) => [command, "--help"])];
  await writeAll(
    recorder,
    helps.map((args): Line => [args, { show: ofHelp }]),
  );
}

async function publishing({ server, recorder }: Recorded, secured: Recorded): Promise<void> {
  recorder.part("thump publish");
  const env = { THUMP_URL: server.url };
  const publish = (args: string[], given: Given = {}) =>
    write(recorder, ["publish", ...args], { ...given, env: { ...env, ...given.env } });
  await publish(["cli", "hello"]);
  await publish(["cli", "--event", "named", "--json", '{"a":1}']);
  await publish(["cli", "--text", "5"]);
  await publish(["cli", "--json", "{"]);
  await publish(["cli", "--key", "k1", "--json", '"once"']);
  await publish(["cli", "--key", "k1", "--json", '"once"']);
  await publish(["cli", "--key", "k1", "--json", '"other"']);
  await publish(["cli", "--json"], { input: '1\n{"b":2}\n' });
  await publish(["cli"], { input: "one\ntwo\n" });
  await publish(["cli", "--json", "--keep-going"], { input: "1\n{\n3\n" });
  await publish(["cli", "--file", "-"], { input: "a whole\nfile\n" });
  await publish(["", "x"]);
  await publish(["thump:stats", "x"]);
  await publish(["cli", "x"], { env: { THUMP_URL: secured.server.url } });
  await publish(["news:1", "x"], { env: { THUMP_URL: secured.server.url, THUMP_API_KEY: KEYS.console } });
  await publish(["news:1", '"x"', "--json"], {
    env: { THUMP_URL: secured.server.url, THUMP_API_KEY: KEYS.all },
    show: (out) => out.replace(/"at":"[^"]+"/, '"at":"<cursor>"'),
  });
  const nowhere = freePort();
  recorder.hide(`127.0.0.1:${nowhere}`, "<no server>");
  await publish(["cli", "x"], { env: { THUMP_URL: `http://127.0.0.1:${nowhere}` } });
  await publish(["cli", "x", "--unknown"]);
}

async function reading({ server, recorder }: Recorded, secured: Recorded): Promise<void> {
  recorder.part("thump tail and thump rooms");
  const env = { THUMP_URL: server.url };
  const elsewhere = { THUMP_URL: secured.server.url };
  const keys = (out: string) => Object.keys(JSON.parse(out) as object).join("\n");
  await writeAll(recorder, [
    [["tail", "cli", "--last", "3", "--count", "3", "--json"], { env }],
    [["tail", "cli", "--last", "30", "--count", "1", "--events", "named", "--json"], { env }],
    [["tail", "cli", "--after", "zzzzzz-5", "--count", "1", "--json"], { env }],
    [["tail", "cli", "--after", "nonsense"], { env }],
    [["tail", "cli", "--last", "x"], { env }],
    [["tail"], { env }],
    [["tail", "cli"], { env: elsewhere }],
    [["rooms", "--json"], { env }],
    [["rooms", "cl*"], { env }],
    [["rooms", "none*", "--json"], { env }],
    [["rooms"], { env: elsewhere }],
    [["bench", "--clients", "2", "--rate", "20", "--duration", "1s", "--json"], { env, show: keys }],
  ]);
}

/** Records commands that need no server. */
async function alone({ recorder, dir }: Recorded): Promise<void> {
  recorder.part("thump token, key, backup, completion");
  const secret = { THUMP_SECRET: SECRET };
  const claims = (out: string) => {
    const token = out.startsWith("{") ? (JSON.parse(out) as { token: string }).token : out;
    const [header = "", payload = ""] = token.split(".");
    return [header, payload].map((part) => Buffer.from(part, "base64url").toString()).join("\n");
  };
  const grant = ["--sub", "u7", "--room", "chat:*=join,publish", "--id", "t1"];
  const shape = (out: string) =>
    out.replaceAll(/thump_[\w-]{43}/g, "<key>").replaceAll(/[0-9a-f]{64}/g, "<hash>");
  const firstTwo = (out: string) => shape(out).split("\n").slice(0, 2).join("\n");
  await writeAll(recorder, [
    [["token", ...grant], { env: secret, show: claims }],
    [["token", ...grant, "--info", '{"n":1}', "--json"], { env: secret, show: claims }],
    [["token", "--room", "chat"], { env: secret }],
    [["token", "--ttl", "never"], { env: secret }],
    [["token", "--secret", "x"], { env: secret }],
    [["token", "--secret-file", "-"], { input: SECRET, show: () => "<token>" }],
    [["token"]],
    [["key", "--name", "backend"], { show: firstTwo }],
    [["key", "--json"], { show: shape }],
    ...["bash", "zsh", "fish"].map((shell): Line => [["completion", shell], { show: () => "<a script>" }]),
    [["completion", "tcsh"]],
    [["nonsense"]],
    [["--version"]],
  ]);
  const copies = (out: string) =>
    out.replace(/"publications":[0-9]+/, '"publications":"<n>"').replace(/"bytes":[0-9]+/, '"bytes":"<n>"');
  await write(recorder, ["backup", "--data", `${dir}/data`, `${dir}/copy.db`, "--json"], { show: copies });
  await writeAll(recorder, [
    [["backup", "--data", `${dir}/data`, `${dir}/copy.db`, "--json"]],
    [["backup", "--data", `${dir}/nothing`, `${dir}/other.db`]],
    [["backup", `${dir}/other.db`]],
  ]);
}

/** A config with every possible key. */
const WHOLE = {
  rooms: {
    "a:*": {
      history: { read: "users", count: 5, age: "1h", bytes: "1MiB", store: "memory", deliver: "at-once" },
      lag: "latest",
      join: "users",
      publish: "members",
      members: "granted",
      presence: { grace: "1s", list: 5, info: false },
      schema: { type: "object" },
      compress: { over: "2KiB" },
    },
    "user:{id}": { join: "owner", history: false, presence: true, compress: "streams" },
  },
  limits: {
    message: "1KiB",
    body: 2048,
    rooms: 3,
    sessions: 4,
    sessionsPerAddress: 5,
    roomsInUse: 6,
    roomsPerAddress: 7,
    headTime: "8s",
    bodyTime: "9s",
    bodies: "10MiB",
    memory: "11MiB",
    rates: {
      session: { requests: 1, joins: 2, publishes: { rate: 3, burst: 4 }, bytes: "5KiB", reads: false },
      user: { connects: 1, requests: 2, joins: 3, publishes: 4, bytes: 5, reads: 6 },
      address: { connects: { rate: 1, burst: 2 } },
      key: { connects: false, bytes: { rate: "1KiB", burst: "2KiB" } },
    },
  },
  store: { kind: "sqlite", dir: "data", durability: "fsync", size: "1GiB" },
  heartbeat: "20s",
  origins: ["https://app.example"],
  proxies: ["10.0.0.0/8"],
  forwardedHeader: "forwarded",
  prefix: "/live",
  host: "127.0.0.1",
  port: 3001,
  drain: "1s",
  signals: false,
  demo: false,
  console: false,
  access: {
    secrets: [SECRET],
    keys: [{ kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }],
    jwks: { url: "https://login.example/keys", cache: "5m", cooldown: "10s" },
    issuer: "https://login.example",
    audience: ["https://thump.example"],
    leeway: "5s",
    lifetime: "1d",
    resume: "1m",
    cookie: "session",
    apiKeys: [
      {
        name: "k",
        hash: "0".repeat(64),
        rooms: { "*": ["join", "publish", "history", "members", "list", "forget"] },
        may: ["disconnect", "revoke", "metrics", "inspect"],
      },
    ],
  },
  open: true,
  metrics: "anyone",
  metricsPath: "/internal/metrics",
  log: "json",
  logLevel: "debug",
  traces: "http://127.0.0.1:4318",
};

const REDIS = {
  store: {
    kind: "redis",
    url: "redis://10.0.0.5:6379",
    prefix: "p",
    patience: "1s",
    check: "2s",
    lease: "3s",
  },
};

async function configs(recorder: Recorder): Promise<void> {
  recorder.part("thump check");
  const dir = folder();
  recorder.hide(dir, "<folder>");
  const configs: Record<string, object> = {
    whole: WHOLE,
    redis: REDIS,
    unknown: { unknown: true },
    rule: { rooms: { a: { unknown: true } } },
    reach: { host: "0.0.0.0" },
    secret: { access: { secrets: ["short"] } },
    access: { access: {} },
    origin: { origins: ["app.example"] },
    store: { store: { kind: "sqlite" } },
    schema: { rooms: { a: { schema: { type: "strng" } } } },
  };
  for (const [name, config] of Object.entries(configs)) {
    recorder.note(`${name}.json: ${JSON.stringify(config)}`);
    await Bun.write(`${dir}/${name}.json`, JSON.stringify(config));
  }
  const env = {
    THUMP_MAX_ROOMS: "5",
    THUMP_DEMO: "0",
    THUMP_ORIGINS: "https://a.example,https://b.example",
    PORT: "4000",
  };
  const ofRooms = ["a:1", "user:u7", "thump:stats", ""];
  await writeAll(recorder, [
    [["check"]],
    ...Object.keys(configs).map((name): Line => [["check", `${dir}/${name}.json`]]),
    ...ofRooms.map((room): Line => [["check", `${dir}/whole.json`, "--room", room]]),
    [["check", `${dir}/missing.json`]],
    [["check"], { env }],
    [["check"], { env: { THUMP_OPEN: "no" } }],
  ]);
}
