// The client in a real browser: offline, reloaded, with sockets blocked, in a tab that is not looked at.
import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { noBrowser } from "../../scripts/chromium.ts";
import { buildClient } from "../../scripts/build-client.ts";
import { openPages } from "../support/browser.ts";
import { cleanup } from "../support/cleanup.ts";
import { Proxy } from "../support/proxy.ts";
import { startServer } from "../support/server.ts";

if (noBrowser) console.log(`skipped: test/client/browser.test.ts: ${noBrowser}`);

/** Shows what a room brings: the page that a test looks at. */
const page = (url: string) => `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<p id="state"></p><p id="transport"></p><p id="messages"></p><p id="gaps">0</p>
<script type="module">
  import { connect } from "/client.js";
  const thump = connect("${url}", { resume: sessionStorage, backoff: { first: 50, most: 200 } });
  const room = thump.room("r");
  const show = (id, text) => { document.getElementById(id).textContent = text; };
  const seen = [];
  room.on("message", (data) => show("messages", seen.push(data) && seen.join(" ")));
  room.on("gap", () => show("gaps", "1"));
  thump.on("state", (state) => { show("state", state); show("transport", thump.transport ?? ""); });
  window.thump = thump;
</script>`;

async function open() {
  const server = startServer();
  const proxy = await Proxy.start(server.port);
  const script = await buildClient();
  const site = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) =>
      url.endsWith("/client.js")
        ? new Response(script, { headers: { "content-type": "text/javascript" } })
        : new Response(page(proxy.url), { headers: { "content-type": "text/html" } }),
  });
  cleanup(() => site.stop(true));
  return { server, proxy, url: site.url.href };
}

/** Resolves once an element has this text. Code for the page is text: its types are not ours. */
const shows = (tab: Page, id: string, text: string) =>
  tab.waitForFunction(
    `document.getElementById(${JSON.stringify(id)}).textContent === ${JSON.stringify(text)}`,
  );

const inBrowser = (name: string, run: () => Promise<void>) =>
  test.skipIf(noBrowser !== undefined)(name, run, 60_000);

inBrowser("offline and back, and over a reload: each message once", async () => {
  const { server, proxy, url } = await open();
  const { pages } = await openPages(url, 1);
  const tab = pages[0] as Page;
  await shows(tab, "state", "live");
  await shows(tab, "transport", "websocket");
  await server.publish("r", "0");
  await shows(tab, "messages", "0");

  await tab.context().setOffline(true);
  // The browser's own emulation leaves sockets that are open alone.
  proxy.cut();
  await shows(tab, "state", "offline");
  await server.publish("r", "1");
  await tab.context().setOffline(false);
  await shows(tab, "messages", "0 1");

  await tab.reload();
  await shows(tab, "state", "live");
  await server.publish("r", "2");
  await shows(tab, "messages", "2");
  expect(await tab.textContent("#gaps")).toBe("0");

  await tab.goto("about:blank");
  await server.publish("r", "3");
  await tab.goBack();
  await shows(tab, "messages", "3");
  expect(await tab.textContent("#gaps")).toBe("0");
});

inBrowser(
  "where sockets are blocked it is a stream, of another origin; then a socket again, when the network changes",
  async () => {
    const { server, proxy, url } = await open();
    proxy.blockUpgrade = true;
    const { pages } = await openPages(url, 1);
    const tab = pages[0] as Page;
    await shows(tab, "state", "live");
    await shows(tab, "transport", "event-stream");
    await tab.evaluate("thump.publish('r', 0)");
    await server.publish("r", "1");
    await shows(tab, "messages", "0 1");
    proxy.blockUpgrade = false;
    await tab.evaluate("void dispatchEvent(new Event('online'))");
    await shows(tab, "transport", "websocket");
    await server.publish("r", "2");
    await shows(tab, "messages", "0 1 2");
  },
);

inBrowser("a tab that was hidden while its connection died notices when it is looked at", async () => {
  const { server, proxy, url } = await open();
  const { pages } = await openPages(url, 1);
  const tab = pages[0] as Page;
  await shows(tab, "state", "live");
  proxy.blackHole(true);
  await server.publish("r", "0");
  // By itself it would notice in 25 s at the earliest; asked to look, it does within 5.
  proxy.blackHole(false);
  await tab.evaluate("void document.dispatchEvent(new Event('visibilitychange'))");
  await shows(tab, "messages", "0");
  expect(await tab.textContent("#gaps")).toBe("0");
});
