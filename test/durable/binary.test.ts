// The compiled binary has the thread that writes inside: it keeps what it acknowledges, over kill -9.
import { expect, test } from "bun:test";
import { join } from "node:path";
import pkg from "../../package.json" with { type: "json" };
import { cleanup } from "../support/cleanup.ts";
import { collect, Inbox } from "../support/clients.ts";
import { folder } from "../support/process.ts";
import { freePort } from "./port.ts";

const ROOT = join(import.meta.dir, "../..");

/** Built as `bun run build` does it, but elsewhere. */
async function build(dir: string): Promise<string> {
  const binary = join(dir, "thump");
  const args = pkg.scripts.build.replace("dist/thump", binary).split(" ").slice(1);
  const child = Bun.spawn([process.execPath, ...args], { cwd: ROOT, stdout: "ignore", stderr: "pipe" });
  if ((await child.exited) !== 0) throw new Error(await new Response(child.stderr).text());
  return binary;
}

test("built, it keeps publications in a file", async () => {
  const dir = folder();
  const binary = await build(dir);
  const port = freePort();
  const start = async () => {
    const args = ["--port", String(port), "--no-demo", "--log", "none", "--data", "data"];
    const child = Bun.spawn([binary, ...args], {
      cwd: dir,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
    });
    cleanup(() => child.kill("SIGKILL"));
    const out = new Inbox<string>();
    void collect(child.stdout, out);
    await out.until((lines) => lines.some((line) => line.includes(` on http://127.0.0.1:${port}`)));
    return child;
  };
  const room = `http://127.0.0.1:${port}/rooms/a`;
  const first = await start();
  const answer = await fetch(room, { method: "POST", body: "1" });
  expect(answer.status).toBe(201);
  const { at } = (await answer.json()) as { at: string };
  first.kill("SIGKILL");
  await first.exited;
  await start();
  const { messages } = (await (await fetch(`${room}?last=5`)).json()) as { messages: { at: string }[] };
  expect(messages.map((message) => message.at)).toEqual([at]);
}, 60_000);
