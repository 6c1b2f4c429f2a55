// The client in a real browser: it goes offline, the page is reloaded, and WebSockets are blocked and unblocked.
import { describe, expect } from "bun:test";
import { Proxy } from "../support/proxy.ts";
import { startServer } from "../support/server.ts";
import { client } from "./support.ts";
import { inBrowser, openTab, type TabOptions } from "./tab.ts";
import { publishRepeatedly } from "./repeated-publisher.ts";

async function open(options: TabOptions, blockUpgrade = false) {
  const server = startServer({ rooms: { "*": { history: { count: 100_000 } } } });
  const proxy = await Proxy.start(server.port);
  proxy.blockUpgrade = blockUpgrade;
  const tab = await openTab(proxy.url, options);
  const other = client(server.url);
  const publish = async (data: string) => ({ data, at: await other.publish("r", data) });
  return { proxy, tab, other, publish };
}

describe.each(["websocket", "event-stream"] as const)("over %s", (transport) => {
  inBrowser(
    "going offline and online again while all clients publish: each message arrives once",
    async () => {
      const { proxy, tab, other, publish } = await open({ transport });
      await tab.becomes("live", transport);
      const publishers = [
        await tab.publishRepeatedly(),
        publishRepeatedly("other", (data) => other.publish("r", data)),
      ];
      await tab.receives(40);
      await tab.page.context().setOffline(true);
      // The browser's offline emulation does not close open WebSockets.
      proxy.cut();
      await tab.becomes("offline");
      const sent = [await publish("meanwhile")];
      await tab.page.context().setOffline(false);
      await tab.becomes("live", transport);
      await tab.receives(40);
      for (const finish of publishers) sent.push(...(await finish()));
      sent.push(await publish("end"));
      await tab.receivedExactly(sent);
    },
  );

  inBrowser("across a reload, and a visit to a different page, each message arrives once", async () => {
    const { tab, publish } = await open({ transport });
    const { page } = tab;
    await tab.becomes("live");
    const sent = [await publish("one")];
    await tab.received.until(({ length }) => length === 1);
    await page.reload();
    await tab.becomes("live");
    sent.push(await publish("two"));
    await tab.received.until(({ length }) => length === 2);
    await page.goto("about:blank");
    for (const word of ["three", "four", "five"]) sent.push(await publish(word));
    await page.goBack();
    await tab.becomes("live");
    sent.push(await tab.publish("six"));
    await tab.receivedExactly(sent);
  });
});

inBrowser(
  "WebSockets are blocked while all clients publish: streams take over, then a WebSocket again",
  async () => {
    const { proxy, tab, other, publish } = await open({});
    await tab.becomes("live", "websocket");
    const publishers = [
      await tab.publishRepeatedly(),
      publishRepeatedly("other", (data) => other.publish("r", data)),
    ];
    await tab.receives(40);
    proxy.blockUpgrade = true;
    proxy.cut();
    await tab.becomes("live", "event-stream");
    await tab.receives(40);
    proxy.blockUpgrade = false;
    // After the browser's `online` event, the client tries a WebSocket.
    await tab.page.context().setOffline(true);
    await tab.page.context().setOffline(false);
    await tab.becomes("live", "websocket");
    await tab.receives(40);
    const sent = (await Promise.all(publishers.map((finish) => finish()))).flat();
    sent.push(await publish("end"));
    await tab.receivedExactly(sent);
  },
);

inBrowser(
  "if WebSockets are blocked from the start, the client uses a stream from a different origin",
  async () => {
    const { tab, publish } = await open({}, true);
    await tab.becomes("live", "event-stream");
    await tab.receivedExactly([
      await tab.publish("mine"),
      await publish("another's"),
      await tab.publish("mine again"),
    ]);
    expect(tab.errors.all).toEqual([]);
  },
);
