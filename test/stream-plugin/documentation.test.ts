// The programs in docs/streaming.md run unchanged, in a project that has the packages installed.
import { expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { cleanup } from "../support/cleanup.ts";
import { folder } from "../support/process.ts";
import { open } from "./app.ts";

const ROOT = join(import.meta.dir, "../..");
const page = await Bun.file(join(ROOT, "docs/streaming.md")).text();
const programs = [...page.matchAll(/^```ts\n(import [^]*?)^```$/gm)].map(([, program = ""]) => program);

/** Runs a program in a separate project. Returns its URL. */
async function run(program: string): Promise<string> {
  const probe = Bun.serve({ port: 0, fetch: () => new Response() });
  const { port } = probe;
  await probe.stop(true);
  const path = folder({ "app.ts": program.replace("listen(3000)", `listen(${port})`) });
  mkdirSync(join(path, "node_modules"));
  symlinkSync(ROOT, join(path, "node_modules/thump"));
  symlinkSync(join(ROOT, "node_modules/elysia"), join(path, "node_modules/elysia"));
  const child = Bun.spawn([process.execPath, "app.ts"], { cwd: path, stdout: "ignore", stderr: "inherit" });
  cleanup(() => child.kill());
  const url = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + 20_000;
  while (!(await fetch(url).catch(() => undefined))) {
    if (Date.now() > deadline) throw new Error("the program did not start to listen");
    await Bun.sleep(50);
  }
  return url;
}

test("the quick start streams progress and resumes", async () => {
  const url = await run(programs[0]!);
  const first = await open(`${url}/progress/7`);
  await first.events.until((events) => events.length >= 2);
  first.abort();
  expect(first.events.all[1]).toEqual({ id: "2", event: "progress", data: '{"job":"7","percent":2}' });
  const second = await open(`${url}/progress/7`, { "last-event-id": "99" });
  await second.ended;
  expect(second.events.all.map(({ id, event }) => [id, event])).toEqual([
    ["100", "progress"],
    [undefined, "finished"],
  ]);
});

test("the program with rooms streams posted messages", async () => {
  const url = await run(programs[1]!);
  const stream = await open(`${url}/jobs/1`);
  await stream.lines.until((lines) => lines.some((line) => line.startsWith("id: ")));
  await fetch(`${url}/jobs/1`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"percent":5}',
  });
  expect((await stream.events.next()).data).toBe('{"percent":5}');
});
