// `thump check` as a command: the effective options of a config, and the errors in a config.
import { expect, test } from "bun:test";
import { folder, runProcess } from "../support/process.ts";

const CONFIG = `import { defineConfig } from "thump";
import { Type } from "typebox";
export default defineConfig({
  port: 4000,
  drain: "90s",
  rooms: {
    "chat:{id}": { history: { count: 5, age: "1h" }, schema: Type.Object({ token: Type.String() }) },
    "chat:*": { history: false, publish: "server", presence: { list: 7 } },
  },
});`;

test("prints the effective options, in the form of a config", async () => {
  const cwd = folder({ "thump.config.ts": CONFIG });
  const { code, out, err } = await runProcess(["check"], { THUMP_HEARTBEAT: "2" }, cwd);
  expect([code, err]).toEqual([0, ""]);
  const effective = JSON.parse(out) as Record<string, unknown>;
  expect(effective).toMatchObject({
    port: 4000,
    drain: 90,
    heartbeat: 2,
    limits: { message: 65_536, rooms: 1000 },
    metrics: "loopback",
    rooms: { "chat:{id}": { history: { count: 5 }, schema: { properties: { token: { type: "string" } } } } },
  });
  const again = folder({ "printed.json": out });
  expect(JSON.parse((await runProcess(["check", "printed.json"], {}, again)).out)).toEqual(effective);
});

test("the config file can be named, and is optional", async () => {
  const cwd = folder({ "other.json": '{"port":1234}' });
  expect(JSON.parse((await runProcess(["check", "other.json"], {}, cwd)).out)).toHaveProperty("port", 1234);
  expect(JSON.parse((await runProcess(["check"], {}, cwd)).out)).toHaveProperty("port", 3000);
  expect((await runProcess(["check", "none.json"], {}, cwd)).code).toBe(2);
});

test.each<[room: string, pattern: string | null, rule: object]>([
  ["chat:7", "chat:{id}", { history: { count: 5, age: 3600 }, publish: "anyone", lag: "catch-up" }],
  ["chat:7:8", "chat:*", { history: false, publish: "server", presence: { grace: 5, list: 7, info: true } }],
  ["elsewhere", null, { history: { count: 1000 }, publish: "anyone", presence: false }],
])("the rule of room %s comes from pattern %s", async (room, pattern, rule) => {
  const cwd = folder({ "thump.config.ts": CONFIG });
  const { code, out } = await runProcess(["check", "--room", room], { THUMP_DEMO: "0" }, cwd);
  expect(code).toBe(0);
  expect(JSON.parse(out) as object).toMatchObject({ room, pattern, rule });
});

test.each<[what: string, file: string, args: string[], part: string]>([
  ["an invalid rule", '{"rooms":{"a":{"lag":"drop"}}}', ["check"], "rooms › a › lag"],
  ["a file that is not JSON", "{", ["check"], "thump.config.json"],
  ["an unknown flag", "{}", ["check", "--rom", "a"], "--rom"],
  ["an invalid key", '{"access":{"keys":["no key"]}}', ["check"], "PEM"],
  ["a server without credentials that other machines could reach", '{"host":"0.0.0.0"}', ["check"], "--open"],
  ["two files", "{}", ["check", "a", "b"], "too many arguments"],
  ["an invalid room name", "{}", ["check", "--room", ""], "name"],
])("%s: exit code 2, and the reason in one line", async (_, file, args, part) => {
  const { code, out, err } = await runProcess(args, {}, folder({ "thump.config.json": file }));
  expect([code, out]).toEqual([2, ""]);
  expect(err).toStartWith("thump: ");
  expect(err).toContain(part);
  expect(err.trim().split("\n")).toHaveLength(1);
});

test("secrets and hashes are hidden, and the output cannot be used as a config by mistake", async () => {
  const [secret, hash] = ["a secret of more than thirty-two characters", "ab".repeat(32)];
  const access = {
    secrets: [secret, `${secret} of before`],
    jwks: { url: "https://keys.example/", cache: "1h" },
    cookie: "session",
    apiKeys: [{ name: "backend", hash, rooms: { a: ["publish"] } }],
  };
  const cwd = folder({
    "thump.config.json": JSON.stringify({ access, rooms: { a: { publish: "server" } } }),
  });
  const { code, out } = await runProcess(["check"], {}, cwd);
  expect(code).toBe(0);
  for (const hidden of [secret, hash]) expect(out).not.toContain(hidden);
  expect(JSON.parse(out) as object).toMatchObject({
    demo: false,
    access: {
      secrets: ["(not shown)", "(not shown)"],
      jwks: { url: "https://keys.example/", cache: 3600, cooldown: 30 },
      cookie: "session",
      lifetime: 30 * 86_400,
      apiKeys: [{ name: "backend", hash: "(not shown)", rooms: { a: ["publish"] } }],
    },
  });
  const again = await runProcess(["check"], {}, folder({ "thump.config.json": out }));
  expect(again.code).toBe(2);
  const { out: rule } = await runProcess(["check", "--room", "b"], {}, cwd);
  const levels = { join: "granted", publish: "granted", members: "granted", history: { read: "granted" } };
  expect(JSON.parse(rule) as object).toMatchObject({ room: "b", pattern: null, rule: levels });
});

test("the help lists the exit codes", async () => {
  const { code, out } = await runProcess(["check", "--help"]);
  expect(code).toBe(0);
  for (const part of ["--room", "Exits with 0", "with 2"]) expect(out).toContain(part);
});
