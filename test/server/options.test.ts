// Options: validation, error messages, sources and their precedence.
import { expect, test } from "bun:test";
import { readOptions } from "../../src/server/config/command-line.ts";
import { FLAGS } from "../../src/server/config/flag-table.ts";
import { checkOptions } from "../../src/server/config/options-schema.ts";
import { type Options, OptionsError } from "../../src/server/config/options.ts";
import { resolveOptions } from "../../src/server/config/settings.ts";
import { flagsOf } from "../support/flags.ts";
import { folder } from "../support/process.ts";

function messageOf(value: unknown): string {
  try {
    checkOptions(value, "here");
  } catch (error) {
    if (error instanceof OptionsError) return error.message;
    throw error;
  }
  throw new Error("the value was accepted");
}

/** Reads the options from all sources, in an empty folder unless files are given. */
async function read(
  args: string[],
  env: Record<string, string> = {},
  files: Record<string, string> = {},
): Promise<Options> {
  return readOptions(await flagsOf(args), env, folder(files));
}

const refusal = (reading: Promise<Options>) =>
  reading.then(
    () => Promise.reject(new Error("the value was accepted")),
    (error: Error) => [error.name, error.message],
  );

test("the defaults are safe", async () => {
  expect(resolveOptions(await read([]))).toMatchObject({
    host: "127.0.0.1",
    port: 3000,
    maxMessage: 65_536,
    maxBody: 1_048_576,
    roomsPerSession: 1000,
    maxSessions: 100_000,
    sessionsPerAddress: 10_000,
    roomsInUse: 200_000,
    roomsPerAddress: 20_000,
    headTime: 10_000,
    bodyTime: 30_000,
    bodies: 128 << 20,
    memory: 512 << 20,
    proxies: [],
    forwardedHeader: "x-forwarded-for",
    heartbeat: 25_000,
    drain: 5000,
    origins: [],
    demo: true,
    open: false,
    access: {
      secrets: [],
      keys: [],
      jwks: undefined,
      apiKeys: [],
      issuer: [],
      audience: [],
      cookie: undefined,
    },
    metrics: "loopback",
    metricsPath: "/metrics",
    log: "pretty",
    logLevel: "info",
    traces: undefined,
  });
  expect(await read([])).not.toHaveProperty("access");
});

const SECRET = "a secret of more than thirty-two characters";

test("access has defaults, and turns the demo off", async () => {
  const jwks = { url: "https://keys.example/", cache: 5 };
  const settings = resolveOptions({ access: { secrets: SECRET, jwks, issuer: "a", leeway: "1m" } });
  expect(settings).toMatchObject({
    demo: false,
    access: {
      secrets: [SECRET],
      jwks: { url: "https://keys.example/", cache: 5000, cooldown: 30_000 },
      issuer: ["a"],
      leeway: 60_000,
      lifetime: 30 * 86_400_000,
      resume: 300_000,
    },
  });
  expect(resolveOptions({ access: { secrets: SECRET }, demo: true }).demo).toBe(true);
  expect(resolveOptions({}).access).toMatchObject({ leeway: 10_000 });
});

test("secrets from a source with precedence replace others; the rest of access still applies", async () => {
  const files = {
    "thump.config.json": JSON.stringify({ access: { secrets: `${SECRET} of the file`, issuer: "a" } }),
  };
  const { access } = await read(["--jwks", "https://keys.example/"], { THUMP_SECRET: SECRET }, files);
  expect(access).toEqual({ secrets: SECRET, issuer: "a", jwks: "https://keys.example/" });
});

test("units are parsed; plain numbers are seconds and bytes", () => {
  const settings = resolveOptions({ heartbeat: "90s", drain: 2, limits: { message: "1MiB", body: 5000 } });
  expect(settings).toMatchObject({ heartbeat: 90_000, drain: 2000, maxMessage: 1 << 20, maxBody: 5000 });
});

test.each<[value: unknown, ...parts: string[]]>([
  [{ port: "http" }, "here", "port"],
  [{ port: 70_000 }, "port"],
  [{ prot: 1 }, "prot"],
  [{ limits: { mesage: 1 } }, "limits", "mesage"],
  [{ limits: { rooms: 0 } }, "limits › rooms"],
  [{ limits: { sessions: 0 } }, "limits › sessions"],
  [{ limits: { memory: "much" } }, "limits › memory"],
  [{ limits: { rates: { session: { publishes: 0 } } } }, "limits › rates › session › publishes"],
  [{ limits: { rates: { session: { connects: 1 } } } }, "connects"],
  [{ limits: { rates: { room: {} } } }, "room"],
  [{ limits: { rates: { user: { bytes: { rate: "1MiB", brust: 2 } } } } }, "brust"],
  [{ proxies: ["10.0.0.0/33"] }, "proxies", "10.0.0.0/33"],
  [{ proxies: ["proxy.example"] }, "proxies", "proxy.example"],
  [{ forwardedHeader: "x-real-ip" }, "forwardedHeader"],
  [{ rooms: { "chat:*": { histroy: {} } } }, "rooms › chat:*", "histroy"],
  [{ rooms: { "a/b": { history: { age: "1 hour" } } } }, "rooms › a/b › history"],
  [{ rooms: { a: { lag: "drop" } } }, "rooms › a › lag"],
  [{ rooms: { a: { publish: "nobody" } } }, "rooms › a › publish"],
  [{ rooms: [] }, "rooms"],
  [{ heartbeat: "soon" }, "heartbeat"],
  [{ heartbeat: -1 }, "heartbeat"],
  [{ origins: "https://a" }, "origins"],
  [{ prefix: "api" }, "prefix"],
  [{ metrics: "everyone" }, "metrics"],
  [{ metricsPath: "metrics" }, "metricsPath"],
  [{ metricsPath: "/:any" }, "metricsPath"],
  [{ log: "xml" }, "log"],
  [{ logLevel: "loud" }, "logLevel"],
  [{ traces: "collector:4318" }, "traces"],
  [{ prefix: "/api/" }, "prefix"],
  [{ access: { secrets: "short" } }, "access › secrets", "32"],
  [{ access: { secrets: [undefined] } }, "access › secrets"],
  [{ access: { cookie: "a b" } }, "access › cookie"],
  [{ access: { apiKeys: [{ name: "a" }] } }, "access › apiKeys › 0 › hash"],
  [{ access: { scrts: "x" } }, "scrts"],
  [{ rooms: { a: { join: "members" } } }, "rooms › a › join"],
  [{ rooms: { "user:*": { join: "owner" } } }, "rooms › user:* › join", "{id}"],
  [{ rooms: { a: { presence: { list: 1001 } } } }, "rooms › a › presence", "1000"],
  [{ rooms: { a: { presence: { grace: "soon" } } } }, "rooms › a › presence"],
  [{ rooms: { a: { presence: { grace: "11m" } } } }, "rooms › a › presence › grace", "10 minutes"],
  [{ authorize: true }, "authorize"],
  ["text", "here"],
  [null, "here"],
])("%j is refused, and the message names the option and its source", (value, ...parts) => {
  const message = messageOf(value);
  for (const part of parts) expect(message).toContain(part);
  expect(message).not.toContain("undefined");
});

test("flags precede the environment, then the file, then the defaults", async () => {
  const files = { "thump.config.json": JSON.stringify({ port: 1, host: "file", heartbeat: 1, drain: 1 }) };
  const env = { PORT: "2", HOST: "env", THUMP_HEARTBEAT: "2s" };
  expect(await read(["--port", "3"], env, files)).toMatchObject({
    port: 3,
    host: "env",
    heartbeat: "2s",
    drain: 1,
  });
  expect(await read([], {}, files)).toMatchObject({ port: 1, host: "file" });
});

test("limits are merged individually", async () => {
  const files = { "thump.config.json": '{"limits":{"message":1,"body":2,"rooms":3}}' };
  const { limits } = await read(["--max-message", "8KiB"], { THUMP_MAX_BODY: "20" }, files);
  expect(limits).toEqual({ message: "8KiB", body: 20, rooms: 3 });
});

test("rules from a source with precedence are tried first; the others still apply", async () => {
  const files = { "thump.config.json": '{"rooms":{"a":{"lag":"latest"},"*":{"join":"server"}}}' };
  const env = { THUMP_ROOMS: '{"b":{"publish":"server"},"a":{"lag":"disconnect"}}' };
  const { rooms } = await read(["--rooms", '{"c":{}}'], env, files);
  expect(Object.keys(rooms ?? {})).toEqual(["c", "b", "a", "*"]);
  expect(rooms?.["a"]).toEqual({ lag: "disconnect" });
});

test("every option in the table has a variable", async () => {
  const env = {
    THUMP_ORIGINS: "https://a, https://b",
    THUMP_MAX_ROOMS: "5",
    THUMP_MAX_SESSIONS: "6",
    THUMP_MAX_MEMORY: "1GiB",
    THUMP_PROXIES: "loopback, 10.0.0.0/8",
    THUMP_MAX_MESSAGE: "1KiB",
    THUMP_DRAIN: "1.5",
    THUMP_DEMO: "0",
    THUMP_SECRET: SECRET,
    THUMP_JWKS: "https://keys.example/",
    THUMP_OPEN: "1",
    THUMP_METRICS: "anyone",
    THUMP_METRICS_PATH: "/m",
    THUMP_LOG: "json",
    THUMP_LOG_LEVEL: "error",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318",
  };
  expect(await read([], env)).toMatchObject({
    origins: ["https://a", "https://b"],
    limits: { rooms: 5, message: "1KiB", sessions: 6, memory: "1GiB" },
    proxies: ["loopback", "10.0.0.0/8"],
    drain: 1.5,
    demo: false,
    access: { secrets: SECRET, jwks: "https://keys.example/" },
    open: true,
    metrics: "anyone",
    metricsPath: "/m",
    log: "json",
    logLevel: "error",
    traces: "http://collector:4318",
  });
});

test("every option in the table has a flag", async () => {
  const args =
    "--host h --origin https://a --origin https://b --max-body 9 --max-rooms 4 --max-sessions 6 --max-memory 1GiB --proxy loopback --proxy ::1 --drain 2s --heartbeat 5 --no-demo " +
    "--open --jwks https://k --metrics off --metrics-path /m --log none --log-level debug --traces https://collector";
  expect(await read(args.split(" "))).toMatchObject({
    host: "h",
    origins: ["https://a", "https://b"],
    limits: { body: 9, rooms: 4, sessions: 6, memory: "1GiB" },
    proxies: ["loopback", "::1"],
    drain: "2s",
    heartbeat: 5,
    demo: false,
    open: true,
    access: { jwks: "https://k" },
    metrics: "off",
    metricsPath: "/m",
    log: "none",
    logLevel: "debug",
    traces: "https://collector",
  });
});

test("a TypeScript file's options are its default export", async () => {
  const text =
    'const port: number = 4000 + 2;\nexport default { port, rooms: { "a:*": { history: { age: "1h" } } } };';
  const options = await read([], {}, { "thump.config.ts": text });
  expect(options).toMatchObject({ port: 4002, rooms: { "a:*": { history: { age: "1h" } } } });
});

test("a config file may import defineConfig and TypeBox from anywhere", async () => {
  const text = `import { defineConfig } from "thump";
    import { Type } from "typebox";
    export default defineConfig({ rooms: { a: { schema: Type.Object({ text: Type.String() }) } } });`;
  const { rooms } = await read([], {}, { "thump.config.ts": text });
  expect(rooms?.["a"]?.schema).toMatchObject({ type: "object", required: ["text"] });
});

test("the file can be set by flag or environment", async () => {
  const files = { "a.json": '{"port":1}', "b.json": '{"port":2}' };
  expect((await read(["--config", "a.json"], { THUMP_CONFIG: "b.json" }, files)).port).toBe(1);
  expect((await read([], { THUMP_CONFIG: "b.json" }, files)).port).toBe(2);
});

test.each<
  [
    what: string,
    args: string[],
    env: Record<string, string>,
    files: Record<string, string>,
    ...parts: string[],
  ]
>([
  ["a flag's value", ["--port", "http"], {}, {}, "command line", "port"],
  ["a variable's value", [], { PORT: "x" }, {}, "environment", "port"],
  ["a variable that is not JSON", [], { THUMP_ROOMS: "{" }, {}, "THUMP_ROOMS", "JSON"],
  ["a flag that is not JSON", ["--rooms", "chat"], {}, {}, "--rooms", "JSON"],
  ["a file's value", [], {}, { "thump.config.json": '{"drain":"x"}' }, "thump.config.json", "drain"],
  ["a file that is not JSON", [], {}, { "thump.config.json": "{" }, "thump.config.json"],
  [
    "a file that throws",
    [],
    {},
    { "thump.config.ts": 'throw new Error("oh no")' },
    "thump.config.ts",
    "oh no",
  ],
  ["a file without an export", [], {}, { "thump.config.ts": "export {}" }, "thump.config.ts", "default"],
  ["a missing file", ["--config", "none.json"], {}, {}, "none.json"],
])("the error for %s names its source", async (_, args, env, files, ...parts) => {
  const [name, message] = await refusal((async () => read(args, env, files))());
  expect(name).toBe("OptionsError");
  for (const part of parts) expect(message).toContain(part);
});

test("TLS files are merged from flags, environment and config file", async () => {
  const files = { "thump.config.json": '{"tls":{"cert":"file.pem","passphrase":"p"}}' };
  const all = await read(["--tls-cert", "flag.pem"], { THUMP_TLS_KEY: "key.pem" }, files);
  expect(all.tls).toEqual({ cert: "flag.pem", key: "key.pem", passphrase: "p" });
  expect(await read([])).not.toHaveProperty("tls");
  expect(messageOf({ tls: { certificate: "x" } })).toBe("here: tls › certificate is not a known field");
});

test("durability and folder may come from different sources", async () => {
  const files = { "thump.config.json": '{"store":{"kind":"sqlite","dir":"d","size":"1GiB"}}' };
  const kept = { kind: "sqlite", dir: "d", size: "1GiB", durability: "fsync" };
  expect((await read([], { THUMP_DURABILITY: "fsync" }, files)).store).toEqual(kept as Options["store"]);
  expect((await read(["--durability", "fsync"], {}, files)).store).toEqual(kept as Options["store"]);
  expect((await read(["--data", "e"], { THUMP_DURABILITY: "fsync" })).store).toEqual({
    kind: "sqlite",
    dir: "e",
    durability: "fsync",
  });
  for (const alone of [read(["--durability", "fsync"]), read([], { THUMP_DURABILITY: "fsync" })])
    expect(await refusal(alone)).toEqual(["OptionsError", expect.stringContaining("requires --data")]);
  const inTwoPlaces = read([], { THUMP_DATA: "d", THUMP_REDIS: "redis://127.0.0.1" });
  expect(await refusal(inTwoPlaces)).toEqual(["OptionsError", expect.stringContaining("THUMP_REDIS")]);
  // A store from a source with higher precedence replaces a store of a different kind.
  const { store } = await read(["--redis", "redis://127.0.0.1"], { THUMP_DATA: "d" }, files);
  expect(store).toEqual({ kind: "redis", url: "redis://127.0.0.1" });
});

const SWITCHES = FLAGS.filter(({ reads }) => reads === "switch");

test.each(SWITCHES.map((setting) => [setting.env, setting] as const))(
  "%s accepts 0, 1, true, false and an empty value, and nothing else",
  async (env, { option = "" }) => {
    const valueOf = async (text: string) => (await read([], { [env]: text }))[option as keyof Options];
    expect(await Promise.all(["1", "true", "0", "false", ""].map(valueOf))).toEqual([
      true,
      true,
      false,
      false,
      undefined,
    ]);
    for (const text of ["no", "off", "yes", "on", "False", " ", "2", "00", "null", "undefined"])
      expect(await refusal(read([], { [env]: text }))).toEqual([
        "OptionsError",
        `${env}: is ${JSON.stringify(text)}; set it to 1, true, 0 or false, or unset it`,
      ]);
  },
);
