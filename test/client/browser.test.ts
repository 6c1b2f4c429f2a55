// The client in a real browser: offline, reloaded, and with WebSockets blocked and unblocked.
import { describe, expect } from "bun:test";
import { Proxy } from "../support/proxy.ts";
import { startServer } from "../support/server.ts";
import { client } from "./support.ts";
import { inBrowser, openTab, type TabOptions } from "./tab.ts";
import { talk } from "./talk.ts";

async function open(options: TabOptions, blockUpgrade = false) {
  const server = startServer({ rooms: { "*": { history: { count: 100_000 } } } });
  const proxy = await Proxy.start(server.port);
  proxy.blockUpgrade = blockUpgrade;
  const tab = await openTab(proxy.url, options);
  const other = client(server.url);
  const say = async (data: string) => ({ data, at: await other.publish("r", data) });
  return { proxy, tab, other, say };
}

describe.each(["websocket", "event-stream"] as const)("over %s", (transport) => {
  inBrowser("offline and online again while all publish: each message arrives once", async () => {
    const { proxy, tab, other, say } = await open({ transport });
    await tab.becomes("live", transport);
    const hushes = [await tab.talk(), talk("other", (data) => other.publish("r", data))];
    await tab.hears(40);
    await tab.page.context().setOffline(true);
    // The browser's offline emulation does not close open WebSockets.
    proxy.cut();
    await tab.becomes("offline");
    const said = [await say("meanwhile")];
    await tab.page.context().setOffline(false);
    await tab.becomes("live", transport);
    await tab.hears(40);
    for (const hush of hushes) said.push(...(await hush()));
    said.push(await say("end"));
    await tab.heardExactly(said);
  });

  inBrowser("over a reload, and a visit to another page: each message arrives once", async () => {
    const { tab, say } = await open({ transport });
    const { page } = tab;
    await tab.becomes("live");
    const said = [await say("one")];
    await tab.heard.until(({ length }) => length === 1);
    await page.reload();
    await tab.becomes("live");
    said.push(await say("two"));
    await tab.heard.until(({ length }) => length === 2);
    await page.goto("about:blank");
    for (const word of ["three", "four", "five"]) said.push(await say(word));
    await page.goBack();
    await tab.becomes("live");
    said.push(await tab.say("six"));
    await tab.heardExactly(said);
  });
});

inBrowser("WebSockets are blocked while all publish: streams take over, then a WebSocket again", async () => {
  const { proxy, tab, other, say } = await open({});
  await tab.becomes("live", "websocket");
  const hushes = [await tab.talk(), talk("other", (data) => other.publish("r", data))];
  await tab.hears(40);
  proxy.blockUpgrade = true;
  proxy.cut();
  await tab.becomes("live", "event-stream");
  await tab.hears(40);
  proxy.blockUpgrade = false;
  // After the browser's `online` event the client tries a WebSocket.
  await tab.page.context().setOffline(true);
  await tab.page.context().setOffline(false);
  await tab.becomes("live", "websocket");
  await tab.hears(40);
  const said = (await Promise.all(hushes.map((hush) => hush()))).flat();
  said.push(await say("end"));
  await tab.heardExactly(said);
});

inBrowser(
  "if WebSockets are blocked from the start, the client uses a stream of another origin",
  async () => {
    const { tab, say } = await open({}, true);
    await tab.becomes("live", "event-stream");
    await tab.heardExactly([await tab.say("mine"), await say("another's"), await tab.say("mine again")]);
    expect(tab.errors.all).toEqual([]);
  },
);
