// docs/getting-started.md, read from the file and executed command by command.
import { expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { noBrowser } from "../../scripts/chromium.ts";
import { openPages } from "../support/browser.ts";
import { collect, Inbox } from "../support/clients.ts";
import { cleanup } from "../support/cleanup.ts";
import { folder, startProcess } from "../support/process.ts";
import { runProgram } from "./support.ts";
import { testIf } from "../support/skip.ts";

const ROOT = join(import.meta.dir, "../..");
const text = await Bun.file(join(ROOT, "docs/getting-started.md")).text();
const blocks = [...text.matchAll(/```(\w+)\n(.*?)```/gs)].map(([, kind = "", body = ""]) => ({ kind, body }));
const commands = blocks.filter(({ kind }) => kind === "sh").map(({ body }) => body.trim());
const file = (name: string) => {
  const found = blocks.find(({ body }) => body.split("\n")[0]?.includes(name));
  if (!found) throw new Error(`docs/getting-started.md has no ${name}`);
  return found.body;
};

test("commands: a server, a subscriber, a publisher, a resume; every block is tested", async () => {
  expect(blocks.map(({ kind }) => kind)).toEqual(["sh", "sh", "sh", "sh", "ts", "html", "js", "sh"]);
  const [start, subscribe = "", publish = "", resume = "", app] = commands;
  expect([start, app]).toEqual(["bun run start", "bun hello/app.ts"]);
  const { scripts } = (await Bun.file(join(ROOT, "package.json")).json()) as { scripts: { start: string } };
  expect(scripts.start).toBe("bun src/main.ts"); // the command that startProcess runs

  const { url } = await startProcess();
  const here = (command: string) => command.replaceAll("http://127.0.0.1:3000", url);
  const listener = Bun.spawn(["sh", "-c", `exec ${here(subscribe)}`], { stdout: "pipe", stderr: "ignore" });
  cleanup(() => listener.kill());
  const received = new Inbox<string>();
  void collect(listener.stdout, received);
  await received.until((lines) => lines.some((line) => line.startsWith("id:")));
  expect((await runProgram(["sh", "-c", here(publish)])).out).toMatch(/^\{"at":"[^"]+"\}$/);
  await received.until((lines) => lines.includes("data: hello from curl"));

  const { out } = await runProgram(["sh", "-c", here(resume)]);
  const answer = JSON.parse(out.slice(out.indexOf('{"room"'))) as { messages: { data: string }[] };
  expect(answer.messages.map(({ data }) => data)).toEqual(["two"]);
});

testIf(noBrowser)(
  "the app: two pages exchange messages, and a message sent while the server is down arrives after its restart",
  async () => {
    const checkout = folder();
    mkdirSync(join(checkout, "hello"));
    mkdirSync(join(checkout, "node_modules"));
    symlinkSync(ROOT, join(checkout, "node_modules/thump"));
    symlinkSync(join(ROOT, "node_modules/elysia"), join(checkout, "node_modules/elysia"));
    for (const name of ["hello/index.html", "hello/page.js"])
      await Bun.write(join(checkout, name), file(name));
    const app = file("hello/app.ts");
    const probe = Bun.serve({ port: 0, fetch: () => new Response() });
    const { port } = probe;
    await probe.stop(true);
    expect(app).toContain("port: 3000");
    await Bun.write(join(checkout, "hello/app.ts"), app.replace("port: 3000", `port: ${port}`));

    const url = `http://127.0.0.1:${port}`;
    let server = await startApp(checkout, url);
    const { pages } = await openPages(url, 2);
    const [first, second] = pages as [Page, Page];
    const send = async (page: Page, words: string) => {
      await page.getByLabel("Message").fill(words);
      await page.getByRole("button", { name: "Say" }).click();
    };
    const shows = (page: Page, words: string) =>
      page.getByRole("listitem").getByText(words, { exact: true }).waitFor();
    await send(first, "hello");
    await shows(second, "hello");
    server.kill("SIGKILL");
    await server.exited;
    await send(first, "said while it was away");
    server = await startApp(checkout, url);
    await shows(second, "said while it was away");
    await fetch(`${url}/rooms/chat:hello`, { method: "POST", body: "hi" });
    for (const page of pages) await shows(page, "hi");
  },
  60_000,
);

/** Starts the app, which prints nothing, and waits until it responds. */
async function startApp(cwd: string, url: string) {
  const server = Bun.spawn([process.execPath, "hello/app.ts"], { cwd, stdout: "ignore", stderr: "ignore" });
  cleanup(async () => {
    server.kill("SIGKILL");
    await server.exited;
  });
  while (server.exitCode === null) {
    if (await fetch(url).catch(() => undefined)) return server;
    await Bun.sleep(20);
  }
  throw new Error("hello/app.ts did not start");
}
