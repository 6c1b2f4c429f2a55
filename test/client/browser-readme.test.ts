// The README's client example, unchanged, in a real browser: a reloaded page shows the newest messages again.
import { expect } from "bun:test";
import { join } from "node:path";
import { buildClient } from "../../scripts/build-client.ts";
import { openPages } from "../support/browser.ts";
import { cleanup } from "../support/cleanup.ts";
import { Inbox } from "../support/clients.ts";
import { startServer } from "../support/server.ts";
import { inBrowser } from "./tab.ts";

/** The README's code block that connects a client, as JavaScript for a page that uses the server at `url`. */
async function snippet(url: string): Promise<string> {
  const readme = await Bun.file(join(import.meta.dir, "../../README.md")).text();
  const blocks = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code ?? "");
  const code = blocks.find((block) => block.includes('from "thump/client"') && block.includes("thump.room("));
  if (!code) throw new Error("the README has no client example");
  const script = new Bun.Transpiler({ loader: "ts" }).transformSync(code);
  expect(script).toContain("last: 50");
  return script
    .replace(/(["'])thump\/client\1/, '"/client.js"')
    .replace(/(["'])https:\/\/app\.example\1/, JSON.stringify(url));
}

inBrowser("after a reload the page shows the newest 50 messages again", async () => {
  const server = startServer();
  for (let n = 0; n < 60; n++) await server.thump.publish("chat:42", { text: `m${n}` });
  const script = await snippet(server.url);
  const bundle = await buildClient();
  const page = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
    <script type="module">
      const fetchToken = () => undefined;
      const show = (text) => tell(text);
      ${script}
    </script>`;
  const answer = (body: string, type: string) => new Response(body, { headers: { "content-type": type } });
  const site = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    routes: { "/": () => answer(page, "text/html"), "/client.js": () => answer(bundle, "text/javascript") },
  });
  cleanup(() => site.stop(true));
  const tab = (await openPages("about:blank", 1)).pages[0]!;
  const shown = new Inbox<string>();
  await tab.exposeFunction("tell", (text: string) => shown.push(text));
  await tab.goto(site.url.href);
  const newest = (total: string[]) => [...Array.from({ length: 60 }, (_, n) => `m${n}`), ...total].slice(-50);
  await shown.until(({ length }) => length >= 51);
  expect(shown.all).toEqual([...newest([]), "hi"]);
  await tab.reload();
  await shown.until(({ length }) => length >= 102);
  expect(shown.all.slice(51)).toEqual([...newest(["hi"]), "hi"]);
});
