// The command line as a process: the output and exit codes of `bun src/main.ts`.
import { expect, test } from "bun:test";
import pkg from "../../package.json" with { type: "json" };
import { folder, runProcess, startProcess } from "../support/process.ts";
import { startServer } from "../support/server.ts";

test("the banner shows the URL and who can reach it, and the server responds at that URL", async () => {
  const { out, url } = await startProcess();
  await out.until((lines) => lines.some((line) => line.includes("machine")));
  expect(out.all.join("\n")).toContain(pkg.version);
  expect(out.all.join("\n")).toContain(`curl -d 'hello' ${url}/rooms/chat`);
  expect((await fetch(`${url}/rooms/chat`, { method: "POST", body: "hello" })).status).toBe(201);
  expect(await (await fetch(url)).text()).toContain("<title>");
});

test("the banner warns if other machines can reach a server without a secret", async () => {
  const { out } = await startProcess(["--port", "0", "--host", "0.0.0.0", "--no-demo", "--open"]);
  await out.until((lines) => lines.some((line) => line.includes("without a secret")));
});

test("`serve` starts the server, as does a command line without a command", async () => {
  const { url } = await startProcess(["serve", "--port", "0", "--no-demo"]);
  expect((await fetch(url)).status).toBe(404);
});

test("the folder's config file applies; flags and environment take precedence", async () => {
  const cwd = folder({
    "thump.config.ts": 'export default { port: 1, demo: false, rooms: { "a": { publish: "server" } } };',
  });
  const { url } = await startProcess(["--port", "0"], { THUMP_MAX_MESSAGE: "3" }, cwd);
  expect((await fetch(url)).status).toBe(404);
  expect((await fetch(`${url}/rooms/a`, { method: "POST", body: "x" })).status).toBe(403);
  expect((await fetch(`${url}/rooms/b`, { method: "POST", body: "xxxx" })).status).toBe(413);
});

test("a rule in a JSON file applies", async () => {
  const cwd = folder({ "thump.config.json": '{"rooms":{"a":{"schema":{"type":"integer"}}}}' });
  const { url } = await startProcess(["--port", "0"], {}, cwd);
  expect((await fetch(`${url}/rooms/a`, { method: "POST", body: "x" })).status).toBe(422);
  expect((await fetch(`${url}/rooms/a`, { method: "POST", body: "1" })).status).toBe(201);
});

test("--help and --version print and exit with 0", async () => {
  const help = await runProcess(["--help"]);
  expect(help).toMatchObject({ code: 0, err: "" });
  const flags = ["--port", "--host", "--config", "--rooms", "--origin", "--drain", "--no-demo"];
  flags.push("--metrics", "--metrics-path", "--log", "--log-level", "--traces", "THUMP_SECRET");
  const serve = await runProcess(["serve", "--help"]);
  for (const { out } of [help, serve]) for (const flag of flags) expect(out).toContain(flag);
  for (const command of [
    "serve",
    "publish",
    "tail",
    "rooms",
    "check",
    "backup",
    "token",
    "key",
    "completion",
  ])
    expect(help.out).toContain(`\n  ${command} `);
  expect(serve.out).toContain("SIGHUP");
  expect(await runProcess(["--version"])).toEqual({ code: 0, err: "", out: `${pkg.version}\n` });
});

test.each([
  [["--prot", "1"], "--prot"],
  [["--port", "http"], "port"],
  [["serv"], "serv"],
  [["serve", "now"], "now"],
  [["--rooms", '{"a":{"lag":"drop"}}'], "lag"],
  [["--config", "none.ts"], "none.ts"],
])("%j exits with 2 and prints the reason in one line", async (args, part) => {
  const { code, out, err } = await runProcess(args);
  expect(code).toBe(2);
  expect(out).toBe("");
  expect(err).toStartWith("thump: ");
  expect(err).toContain(part);
  expect(err.trim().split("\n")).toHaveLength(1);
});

test("a port in use: exit code 1 and a suggestion", async () => {
  const { port } = startServer();
  const { code, err } = await runProcess(["--port", String(port)]);
  expect(code).toBe(1);
  expect(err).toContain(`port ${port}`);
  expect(err).toContain("--port");
  expect(err.trim().split("\n")).toHaveLength(1);
});
