// The examples without a page: an Elysia app with its client, a ticker with a slow reader, a Node backend.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { cleanup } from "../support/cleanup.ts";
import { startServer } from "../support/server.ts";
import { EXAMPLES, runProgram, startExample } from "./support.ts";

test("elysia: the client receives what the app's routes publish, but may not publish itself", async () => {
  const { url } = await startExample("elysia");
  const { out, err, code } = await runProgram([process.execPath, join(EXAMPLES, "elysia/client.ts"), url]);
  expect([out, err, code]).toEqual(["added water the beans …\ndone water the beans ✓\n", "", 0]);
  expect(await (await fetch(`${url}/lists/home`)).json()).toEqual([
    { id: 1, title: "water the beans", done: true },
  ]);
  const post = (room: string, body: object) =>
    fetch(`${url}/live/rooms/${room}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  expect((await post("todos:home", { id: 2, title: "x", done: false })).status).toBe(403);
  expect((await post("typing:home", { who: 7 })).status).toBe(422);
  expect((await post("typing:home", { who: "ann" })).status).toBe(201);
  expect((await fetch(`${url}/lists/home/9/done`, { method: "POST" })).status).toBe(404);
});

test("ticker: the slow reader skips to the newest message, and the fast reader receives every message", async () => {
  const { out } = await startExample("ticker");
  await out.until((lines) => lines.some((line) => /slow: .* [1-9][0-9]* skipped/.test(line)));
  for (const line of out.all.slice(1)) expect(line).toMatch(/^fast: [0-9]+ received, 0 skipped/);
}, 60_000);

test("node-backend: its orders are stored and readable by all clients, but only the backend may publish them", async () => {
  const { url, out } = await startExample("node-backend", "700");
  await out.until((lines) => lines.includes("700 orders stored, 0 refused"));
  const answer = await fetch(`${url}/rooms/orders?last=1000`);
  const { messages } = (await answer.json()) as { messages: { data: { n: number } }[] };
  expect(messages.map(({ data }) => data.n)).toEqual(Array.from({ length: 700 }, (_, n) => n));
  const forged = await fetch(`${url}/rooms/orders`, { method: "POST", body: "x" });
  expect(forged.status).toBe(401);
});

/** A proxy that fails some requests, loses some responses, and passes on the rest. */
function flakyProxy(target: string) {
  const outcomes: string[] = [];
  const failures = ["503", "lost", "429", "cut"];
  const proxy = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const failure = failures.shift() ?? "none";
      outcomes.push(failure);
      if (failure === "503" || failure === "429")
        return new Response("not now", { status: Number(failure), headers: { "retry-after": "0" } });
      const body = await request.arrayBuffer();
      const answer = await fetch(target + pathname, { method: "POST", body, headers: request.headers });
      // The server has stored the batch, and the backend receives an error.
      if (failure === "lost") return new Response("bad gateway", { status: 502 });
      return failure === "cut" ? new Response("[") : answer;
    },
  });
  cleanup(() => proxy.stop(true));
  return { url: `http://127.0.0.1:${proxy.port}`, outcomes };
}

test("node-backend: failed, lost and rate-limited requests are repeated; each order is stored once, in order", async () => {
  const server = startServer({ rooms: { orders: { history: { count: 5000 } } } });
  const proxy = flakyProxy(server.url);
  const command = [Bun.which("node") ?? process.execPath, join(EXAMPLES, "node-backend/backend.mjs"), "900"];
  const { out, err } = await runProgram(command, { THUMP_URL: proxy.url, THUMP_KEY: "" });
  expect([out, err]).toEqual(["900 orders stored, 0 refused\n", ""]);
  expect(proxy.outcomes.slice(0, 5)).toEqual(["503", "lost", "429", "cut", "none"]);
  const { messages } = (await (await fetch(server.room("orders", "?last=1000"))).json()) as {
    messages: { data: { n: number } }[];
  };
  expect(messages.map(({ data }) => data.n)).toEqual(Array.from({ length: 900 }, (_, n) => n));
});
