// Takes screenshots of the demo page and the console in a real browser, with a real server under light load.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type Thump } from "../src/client/index.ts";
import { serve } from "../src/index.ts";
import { launch } from "./chromium.ts";

const USAGE =
  "usage: bun scripts/screenshots.ts [demo | console] [seconds of load before the console's picture]";
const [which, seconds = "310"] = process.argv.slice(2);
if ((which !== undefined && which !== "demo" && which !== "console") || !(Number(seconds) > 0)) {
  console.error(USAGE);
  process.exit(2);
}
const VIEW = { viewport: { width: 1240, height: 800 }, deviceScaleFactor: 1.5 };
const browser = await launch();
if (which !== "console") await demo();
if (which !== "demo") await operators(Number(seconds));
await browser.close();
process.exit(0);

async function save(page: Awaited<ReturnType<typeof browser.newPage>>, name: string): Promise<void> {
  const path = new URL(`../docs/${name}.png`, import.meta.url).pathname;
  await page.screenshot({ path });
  console.log(`wrote ${path}`);
}

/** Takes a screenshot of the demo page after its connection was dropped and resumed. */
async function demo(): Promise<void> {
  const server = serve({ port: 0, log: "none" });
  const page = await browser.newPage(VIEW);
  await page.goto(`http://127.0.0.1:${server.port}/`);
  const say = (name: string, text: string) => server.thump.publish("demo:chat", { name, text });
  await page.getByTestId("socket-state").getByText("live").first().waitFor();
  await say("Clover", "one thump, all clients receive it");
  await say("Hazel", "and on the right: the same room, as curl sees it");
  await page.getByTestId("drop").click();
  await page.getByTestId("resume-summary").getByText("replayed").first().waitFor();
  // By now, the ticker shows a few seconds of data.
  await say("Hazel", "welcome back");
  await page.getByTestId("chat-log").getByText("welcome back").first().waitFor();
  await save(page, "demo");
  await server.stop();
}

/** Takes a screenshot of the console's overview after a server in a separate process has run for a few minutes. */
async function operators(duration: number): Promise<void> {
  const rooms = { firehose: { history: { count: 20_000, bytes: "32MiB" } }, "prices:*": { lag: "latest" } };
  const server = Bun.spawn(
    [process.execPath, join(import.meta.dir, "../src/main.ts"), "--port", "0", "--log", "none"],
    {
      cwd: mkdtempSync(join(tmpdir(), "thump-picture-")),
      env: { PATH: process.env["PATH"] ?? "", THUMP_ROOMS: JSON.stringify(rooms) },
      stdout: "pipe",
    },
  );
  const url = await urlOf(server.stdout);
  const stop = startLoad(url);
  await Bun.sleep(duration * 1000);
  const page = await browser.newPage({ ...VIEW, viewport: { width: 1240, height: 1010 } });
  await page.goto(`${url}/console`);
  await page.getByTestId("connection").getByText("live").waitFor();
  await page.locator(".events li").first().waitFor();
  // Wait for a few live samples in addition to the stored ones.
  await Bun.sleep(3000);
  await save(page, "console");
  stop();
  server.kill();
  await server.exited;
}

async function urlOf(output: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of output) {
    text += new TextDecoder().decode(chunk);
    const [, url] = / on (http:\/\/\S+)/.exec(text) ?? [];
    if (url !== undefined) return url;
  }
  throw new Error(`the server did not start: ${text}`);
}

/** Starts chat users, price dashboards, clients that join and leave, one slow client, and requests that fail. */
function startLoad(url: string): () => void {
  const timers: Timer[] = [];
  const every = (ms: number, run: () => unknown) => timers.push(setInterval(run, ms));
  const clients: Thump[] = Array.from({ length: 24 }, (_, i) => {
    const client = connect(url);
    client.room(`chat:${i % 6}`);
    if (i % 2 === 0) client.room("prices:eur");
    return client;
  });
  const socket = (room: string) => new WebSocket(`${url.replace("http", "ws")}/rooms/${room}`);
  for (let i = 0; i < 120; i++) socket(`chat:${i % 6}`);
  for (let i = 0; i < 16; i++) void follow(`${url}/rooms/prices:eur`);
  let turn = 0;
  every(50, () => {
    const many = 2 + Math.round(2 * Math.sin(++turn / 120) + 2 * Math.random());
    for (let i = 0; i < many; i++) {
      const client = clients[(turn * 7 + i * 5) % clients.length] as Thump;
      void client.publish(`chat:${(turn + i) % 6}`, { text: `message ${turn}` });
    }
    if (turn % 4 === 0)
      void clients[0]?.publish("prices:eur", { eur: 1 + Math.random() / 10 }, { event: "price" });
  });
  every(1700, () => {
    const visitor = socket("chat:2");
    setTimeout(() => visitor.close(), 4000 + Math.random() * 20_000);
  });
  every(2300, () => fetch(`${url}/rooms/chat:1?after=nonsense`));
  every(5900, () => fetch(`${url}/room/chat`));
  // Publish bursts that are larger than the slow client can receive at once.
  void stall(`${url}/rooms/firehose`);
  every(40_000, () => {
    for (let i = 0; i < 400; i++)
      void fetch(`${url}/rooms/firehose`, { method: "POST", body: "x".repeat(30_000) });
  });
  return () => timers.forEach(clearInterval);
}

async function follow(url: string): Promise<void> {
  const { body } = await fetch(url, { headers: { accept: "text/event-stream" } });
  for await (const _ of body ?? []);
}

/** Reads slowly: one chunk every 20 ms. */
async function stall(url: string): Promise<void> {
  const { body } = await fetch(url, { headers: { accept: "text/event-stream" } });
  const reader = body?.getReader();
  while (!(await reader?.read())?.done) await Bun.sleep(20);
}
