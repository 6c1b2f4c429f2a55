// `thump token`, `thump key`, and the credentials that a reachable server requires at startup.
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeJwt, jwtVerify } from "jose";
import { run } from "../support/command.ts";
import { folder, runProcess, startProcess } from "../support/process.ts";
import { bearer, ec, seconds, SECRET, tokenBy } from "../support/tokens.ts";

const env = { THUMP_SECRET: SECRET };
const post = (url: string, credential: string) =>
  fetch(url, { method: "POST", body: "x", headers: bearer(credential) });

test("a printed token is valid for a server with the same secret", async () => {
  const { url } = await startProcess(["--port", "0"], env);
  const args = [
    "token",
    "--sub",
    "u7",
    "--room",
    "chat:*=join,publish",
    "--room",
    "a=b=history",
    "--ttl",
    "1h",
  ];
  const { out, err, code } = await runProcess(args, env);
  expect([code, err]).toEqual([0, ""]);
  const token = out.trim();
  const { sub, rooms, exp = 0, jti } = decodeJwt(token);
  expect({ sub, rooms }).toEqual({ sub: "u7", rooms: { "chat:*": ["join", "publish"], "a=b": ["history"] } });
  expect(Math.abs(exp - seconds(3600))).toBeLessThan(60);
  expect(jti).toBeString();
  expect((await post(`${url}/rooms/chat:1`, token)).status).toBe(201);
  expect((await post(`${url}/rooms/news`, token)).status).toBe(403);
  expect((await fetch(`${url}/rooms/chat:1`)).status).toBe(401);
});

test("issuer, audience and secret come from the config, as for the server", async () => {
  const config = {
    access: { secrets: [SECRET, `${SECRET} of before`], issuer: "https://a.example", audience: ["thump"] },
  };
  const cwd = folder({ "thump.config.json": JSON.stringify(config) });
  const { url } = await startProcess(["--port", "0"], {}, cwd);
  const { out } = await runProcess(
    ["token", "--room", "*=publish", "--info", '{"n":1}', "--id", "t1"],
    {},
    cwd,
  );
  expect(decodeJwt(out.trim())).toMatchObject({
    iss: "https://a.example",
    aud: "thump",
    info: { n: 1 },
    jti: "t1",
  });
  expect((await post(`${url}/rooms/r`, out.trim())).status).toBe(201);
  const second = config.access.secrets[1] as string;
  writeFileSync(join(cwd, "secret.txt"), `${second}\n`);
  const { out: byFile } = await runProcess(
    ["token", "--room", "*=publish", "--secret-file", "secret.txt"],
    {},
    cwd,
  );
  expect((await post(`${url}/rooms/r`, byFile.trim())).status).toBe(201);
  const { out: byInput } = await run(["token", "--room", "*=publish", "--secret-file", "-"], {}, second);
  const { out: byEnvironment } = await runProcess(["token"], { THUMP_SECRET: second });
  for (const signed of [byFile, byInput, byEnvironment])
    expect(await jwtVerify(signed.trim(), Buffer.from(second))).toBeObject();
});

test("a printed key is valid for a server that has its hash", async () => {
  const { out, code } = await runProcess(["key", "--name", "backend"]);
  expect(code).toBe(0);
  const [, key = ""] = /^key +(\S+)$/m.exec(out) ?? [];
  const [, hash = ""] = /^hash +(\S+)$/m.exec(out) ?? [];
  const [, entry = ""] = /apiKeys: \[(.*)\]/.exec(out) ?? [];
  expect(JSON.parse(entry)).toEqual({ name: "backend", hash });
  const cwd = folder({
    "thump.config.json": JSON.stringify({ access: { apiKeys: [{ name: "backend", hash }] } }),
  });
  const { url } = await startProcess(["--port", "0"], {}, cwd);
  expect((await post(`${url}/rooms/r`, key)).status).toBe(201);
  expect((await post(`${url}/rooms/r`, hash)).status).toBe(401);
  const { out: second } = await runProcess(["key"]);
  expect(second).not.toContain(key);
});

test("both print JSON", async () => {
  const { out } = await runProcess(["token", "--sub", "u7", "--json"], env);
  expect(decodeJwt((JSON.parse(out) as { token: string }).token).sub).toBe("u7");
  const made = JSON.parse((await runProcess(["key", "--name", "backend", "--json"])).out) as object;
  expect(made).toEqual({ name: "backend", key: expect.stringMatching(/^thump_/), hash: expect.any(String) });
});

test.each<[args: string[], env: Record<string, string>, part: string]>([
  [["token"], {}, "secret"],
  [["token", "--secret", SECRET], {}, "--secret-file"],
  [["token", "--secret"], env, "THUMP_SECRET"],
  [["token", "--secret-file", "-"], env, "32 bytes"],
  [["token", "--secret-file", "none.txt"], env, "none.txt"],
  [["--redis", "redis://:pa55@127.0.0.1:1"], {}, "THUMP_REDIS"],
  [["--jwks", "https://u:pa55@keys.example/"], {}, "THUMP_JWKS"],
  [["--traces", "https://u:pa55@traces.example/"], {}, "OTEL_EXPORTER_OTLP_ENDPOINT"],
  [["token", "--room", "chat"], env, "chat"],
  [["token", "--room", "chat=shout"], env, "shout"],
  [["token", "--room", "=join"], env, "=join"],
  [["token", "--ttl", "soon"], env, "soon"],
  [["token", "--ttl", "0"], env, "--ttl"],
  [["token", "--ttl", "60d"], env, "lifetime"],
  [["token", "--info", "{"], env, "--info"],
  [["token", "--nmae", "x"], env, "--nmae"],
  [["token", "u7"], env, "u7"],
  [["key", "--nmae", "x"], {}, "--nmae"],
  [["--host", "0.0.0.0"], {}, "--open"],
  [["--host", "::"], {}, "THUMP_SECRET"],
  [["--secret", SECRET], {}, "--secret"],
  [[], { THUMP_SECRET: "" }, "32 bytes"],
  [["--jwks", "http://keys.example/"], {}, "https"],
])("%j: exit code 2, and the reason in one line", async (args, variables, part) => {
  const { code, out, err } = await runProcess(args, variables);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toStartWith("thump: ");
  expect(err).toContain(part);
  for (const hidden of ["pa55", SECRET]) expect(err).not.toContain(hidden);
  expect(err.trim().split("\n")).toHaveLength(1);
});

test("each command has its own help", async () => {
  for (const [args, parts] of [
    [
      ["token", "--help"],
      ["--sub", "--room", "--ttl", "THUMP_SECRET"],
    ],
    [["key", "--help"], ["--name"]],
    [["--help"], ["  token ", "  key ", "--open", "--jwks", "THUMP_SECRET"]],
  ] as const) {
    const { code, out } = await runProcess([...args]);
    expect(code).toBe(0);
    for (const part of parts) expect(out).toContain(part);
  }
});

test.each<[what: string, args: string[], env: Record<string, string>]>([
  ["with a secret", [], env],
  ["with published keys", ["--jwks", "https://keys.example/jwks.json"], {}],
  ["with --open", ["--open"], {}],
  ["with THUMP_OPEN", [], { THUMP_OPEN: "1" }],
])("the server accepts other machines %s", async (_, args, variables) => {
  const { url } = await startProcess(["--port", "0", "--host", "0.0.0.0", ...args], variables);
  const open = args.includes("--open") || "THUMP_OPEN" in variables;
  expect((await fetch(`${url}/rooms/r`)).status).toBe(open ? 200 : 401);
});

test("with a secret there is no demo page by default, and the banner names the accepted credentials", async () => {
  const { url, out } = await startProcess(["--port", "0"], env);
  expect((await fetch(url)).status).toBe(404);
  await out.until((lines) => lines.some((line) => line.includes("thump token")));
  expect(out.all.join("\n")).not.toContain(SECRET);
  const withDemo = await startProcess(["--port", "0", "--demo"], env);
  expect((await fetch(withDemo.url)).status).toBe(200);
});

test("check prints URLs without credentials", async () => {
  const config = {
    access: { secrets: SECRET, jwks: "https://u:pa55@keys.example/jwks?api_key=pa55&v=pa55#pa55" },
    traces: "https://u:pa55@traces.example:4318/v1?token=pa55",
  };
  const cwd = folder({ "thump.config.json": JSON.stringify(config) });
  const { code, out, err } = await runProcess(["check"], {}, cwd);
  expect([code, err]).toEqual([0, ""]);
  expect(out).not.toContain("pa55");
  expect(JSON.parse(out)).toMatchObject({
    access: { jwks: { url: "https://keys.example/jwks?api_key=…&v=…", cache: 600, cooldown: 30 } },
    traces: "https://traces.example:4318/v1?token=…",
  });
  const plain = {
    access: { secrets: SECRET, jwks: "https://keys.example/a@b" },
    traces: "http://127.0.0.1:4318",
  };
  const shown = await runProcess(["check"], {}, folder({ "thump.config.json": JSON.stringify(plain) }));
  expect(JSON.parse(shown.out)).toMatchObject({
    access: { jwks: { url: "https://keys.example/a@b" } },
    traces: "http://127.0.0.1:4318",
  });
});

test.each([
  ["a JWKS URL without https", { access: { jwks: "http://u:pa55@keys.example/?k=pa55" } }],
  ["a JWKS URL without a valid address", { access: { jwks: "https://u:pa55@:x/" } }],
  ["a Redis with a slash in its password", { store: { kind: "redis", url: "redis://:pa55/pa55@h:6379" } }],
])("%s: an invalid URL is reported without its credentials", async (_, config) => {
  const cwd = folder({ "thump.config.json": JSON.stringify(config) });
  for (const command of [["check"], []]) {
    const { code, out, err } = await runProcess(command, {}, cwd);
    expect(code).toBe(2);
    expect(out + err).not.toContain("pa55");
  }
});

test("a failed fetch of keys is logged without the credentials in the URL", async () => {
  const config = { access: { secrets: SECRET, jwks: "http://u:pa55@127.0.0.1:1/?k=pa55" } };
  const cwd = folder({ "thump.config.json": JSON.stringify(config) });
  const { process: server, url } = await startProcess(["--port", "0", "--drain", "0"], {}, cwd);
  const headers = bearer(tokenBy(ec(), "ES256"));
  expect((await fetch(`${url}/rooms/r`, { headers })).status).toBe(503);
  server.kill("SIGTERM");
  const text = await new Response(server.stderr).text();
  expect(text).toContain("could not be fetched");
  expect(text).not.toContain("pa55");
});
