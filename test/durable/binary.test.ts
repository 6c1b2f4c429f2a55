// The compiled binary: durability across kill -9, safe defaults, and draining.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pkg from "../../package.json" with { type: "json" };
import { problemOf } from "../support/answers.ts";
import { collect, connect, Inbox } from "../support/clients.ts";
import { folder, launch } from "../support/process.ts";
import { openEvents } from "../support/streams.ts";
import { freePort } from "./port.ts";

const ROOT = join(import.meta.dir, "../..");
const place = mkdtempSync(join(tmpdir(), "thump-binary-"));
const binary = join(place, "thump");

/** Builds the binary like `bun run build`, into a different folder. */
beforeAll(async () => {
  const args = pkg.scripts.build.replace("dist/thump", binary).split(" ").slice(1);
  const child = Bun.spawn([process.execPath, ...args], { cwd: ROOT, stdout: "ignore", stderr: "pipe" });
  if ((await child.exited) !== 0) throw new Error(await new Response(child.stderr).text());
}, 120_000);

afterAll(() => rmSync(place, { recursive: true, force: true }));

function spawn(args: string[], env: Record<string, string> = {}, cwd = folder()) {
  return launch([binary, ...args], env, cwd);
}

async function start(args: string[], env: Record<string, string> = {}, cwd = folder()) {
  const port = freePort();
  const child = spawn(["--port", String(port), "--no-demo", "--log", "none", ...args], env, cwd);
  const out = new Inbox<string>();
  void collect(child.stdout, out);
  await out.until((lines) => lines.some((line) => / on http:\/\/[^ ]+:[0-9]+/.test(line)));
  return { child, port, url: `http://127.0.0.1:${port}` };
}

test("the binary stores publications in a file", async () => {
  const dir = folder();
  const first = await start(["--data", "data"], {}, dir);
  const answer = await fetch(`${first.url}/rooms/a`, { method: "POST", body: "1" });
  expect(answer.status).toBe(201);
  const { at } = (await answer.json()) as { at: string };
  first.child.kill("SIGKILL");
  await first.child.exited;
  const second = await start(["--data", "data"], {}, dir);
  const { messages } = (await (await fetch(`${second.url}/rooms/a?last=5`)).json()) as {
    messages: { at: string }[];
  };
  expect(messages.map((message) => message.at)).toEqual([at]);
});

test.each([
  ["", "set a secret"],
  ["0", "set a secret"],
  ["false", "set a secret"],
  ["no", "THUMP_OPEN"],
  ["off", "THUMP_OPEN"],
])("the binary with THUMP_OPEN=%j is not open to other machines", async (open, why) => {
  const child = spawn(["--port", "0", "--host", "0.0.0.0"], { THUMP_OPEN: open });
  expect(await child.exited).toBe(2);
  expect(await new Response(child.stderr).text()).toContain(why);
});

test("in the binary, a switch that is off in the environment is off", async () => {
  const { url } = await start([], { THUMP_CONSOLE: "false", THUMP_OPEN: "" });
  expect(await problemOf(fetch(`${url}/console`))).toMatchObject({ status: 404 });
});

test("the binary drains on SIGTERM", async () => {
  const { child, port, url } = await start(["--drain", "3s"]);
  const socket = await connect(`ws://127.0.0.1:${port}/rooms/r`);
  const stream = await openEvents(`${url}/rooms/r`);
  child.kill("SIGTERM");
  const { code, reason } = await socket.closed;
  expect([code, Number(reason) >= 0]).toEqual([1001, true]);
  await stream.ended;
  expect(stream.lines.all.findLast((line) => line.startsWith("retry: "))).toBeDefined();
  expect(await child.exited).toBe(0);
});
