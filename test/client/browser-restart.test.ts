// The client in a real browser, while its server is killed or drained and then restarted with the same data.
import { describe, expect } from "bun:test";
import type { Route } from "playwright-core";
import { KillableServer } from "../durable/killable-server.ts";
import { longTests } from "../support/long.ts";
import { folder } from "../support/process.ts";
import { Proxy } from "../support/proxy.ts";
import { client, joinRoom } from "./support.ts";
import { inBrowser, openTab, CONNECTIONS } from "./tab.ts";
import { publishRepeatedly } from "./repeated-publisher.ts";

const longTest = longTests(15, inBrowser);

/** The log is large enough for all messages, and the drain is short. */
const ARGS = ["--rooms", '{"*":{"history":{"count":100000}}}', "--drain", "300ms"];

async function started(): Promise<KillableServer> {
  const life = new KillableServer(folder(), ARGS);
  await life.start();
  return life;
}

describe.each(CONNECTIONS)("over %s", (_, options) => {
  const transport = options.transport ?? "event-stream";

  /**
   * Returns the server address for the page. A page that uses WebSockets connects directly to the server, so this
   * address is unreachable during a restart.
   */
  async function addressOf({ url, port }: KillableServer): Promise<string> {
    if (options.transport) return url;
    const proxy = await Proxy.start(port);
    proxy.blockUpgrade = true;
    return proxy.url;
  }

  for (const [how, end] of [
    ["killed", (life: KillableServer) => life.kill()],
    ["drained", (life: KillableServer) => life.stop()],
  ] as const) {
    longTest(
      `a server that is ${how} and restarted, twice, while all clients publish: each message arrives once`,
      async () => {
        const life = await started();
        const tab = await openTab(await addressOf(life), options);
        await tab.becomes("live", transport);
        const other = client(life.url);
        const publishers = [
          await tab.publishRepeatedly(),
          publishRepeatedly("other", (data) => other.publish("r", data)),
        ];
        const sent = [];
        for (const word of ["away", "away again"]) {
          await tab.receives(40);
          const ended = end(life);
          await tab.becomes("offline");
          await ended;
          const waiting = tab.publish(word);
          await life.start();
          await tab.becomes("live", transport);
          sent.push(await waiting);
        }
        await tab.receives(40);
        for (const finish of publishers) sent.push(...(await finish()));
        sent.push({ data: "end", at: await other.publish("r", "end") });
        await tab.receivedExactly(sent);
      },
    );
  }

  longTest(
    "messages that a page publishes while the server is down are delivered once, in order",
    async () => {
      const life = await started();
      const tab = await openTab(await addressOf(life), options);
      await tab.becomes("live", transport);
      const sent = [await tab.publish("before")];
      await life.kill();
      await tab.becomes("offline");
      const words = Array.from({ length: 20 }, (_, n) => `word ${n}`);
      const waiting = words.map((word) => tab.publish(word));
      await life.start();
      sent.push(...(await Promise.all(waiting)));
      // A request without a cursor returns all stored messages.
      const { messages } = (await (await fetch(`${life.url}/rooms/r`)).json()) as {
        messages: { data: string }[];
      };
      expect(messages.map(({ data }) => data)).toEqual(["before", ...words]);
      sent.push(await tab.publish("after"));
      await tab.receivedExactly(sent);
    },
  );

  longTest(
    "a stored publication whose response was lost with the server is sent again and stored once",
    async () => {
      const life = await started();
      const proxy = await Proxy.start(life.port);
      proxy.blockUpgrade = !options.transport;
      const tab = await openTab(proxy.url, options);
      await tab.becomes("live", transport);
      const sent = [await tab.publish("before")];
      const killed = Promise.withResolvers<void>();
      const kill = () => life.kill().then(killed.resolve);
      if (transport === "websocket") {
        const other = await joinRoom(client(life.url), "r");
        proxy.stall(true);
        void other.until((all) => all.includes("once")).then(kill);
      } else {
        // Loses only this response. The browser may send a CORS preflight first, which must succeed.
        const lose = async (route: Route) => {
          await route.fetch();
          await kill();
          await route.abort();
        };
        await tab.page.route(/\/publish\?/, lose, { times: 1 });
      }
      const waiting = tab.publish("once");
      await killed.promise;
      proxy.cut();
      await tab.becomes("offline");
      await life.start();
      sent.push(await waiting, await tab.publish("after"));
      await tab.receivedExactly(sent);
    },
  );

  longTest(
    "after a drain the client reconnects after the server's delay, to the next server at the address",
    async () => {
      const life = await started();
      const proxy = await Proxy.start(life.port);
      proxy.blockUpgrade = !options.transport;
      // With this backoff, the client would retry only after days. Its connection can wait at the proxy until a server
      // is available.
      const backoff = { first: 1e9, most: 1e9 };
      const tab = await openTab(proxy.url, { ...options, backoff, timeout: 60_000 });
      await tab.becomes("live", transport);
      const sent = [];
      for (const word of ["one", "two", "three"]) sent.push(await tab.publish(word));
      proxy.hold(true);
      const ended = life.stop();
      await tab.becomes("offline");
      const waiting = tab.publish("four");
      await tab.becomes("connecting");
      await ended;
      await life.start();
      const other = client(life.url);
      sent.push({ data: "five", at: await other.publish("r", "five") });
      proxy.hold(false);
      await tab.becomes("live", transport);
      sent.push(await waiting, await tab.publish("six"));
      await tab.receivedExactly(sent);
      expect(tab.errors.all).toEqual([]);
    },
  );
});
