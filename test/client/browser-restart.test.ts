// The client in a real browser while its server is killed or drained, and restarted on the same data.
import { describe, expect } from "bun:test";
import type { Route } from "playwright-core";
import { KillableServer } from "../durable/killable-server.ts";
import { longTests } from "../support/long.ts";
import { folder } from "../support/process.ts";
import { Proxy } from "../support/proxy.ts";
import { client, hear } from "./support.ts";
import { inBrowser, openTab, WAYS } from "./tab.ts";
import { talk } from "./talk.ts";

const longTest = longTests(15, inBrowser);

/** The log stores all messages, and a drain is short. */
const ARGS = ["--rooms", '{"*":{"history":{"count":100000}}}', "--drain", "300ms"];

async function started(): Promise<KillableServer> {
  const life = new KillableServer(folder(), ARGS);
  await life.start();
  return life;
}

describe.each(WAYS)("over %s", (_, options) => {
  const transport = options.transport ?? "event-stream";

  /** The address that the page uses. Without a proxy, the page's own address becomes unreachable. */
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
      `a server that is ${how} and restarted, twice, while all publish: each message arrives once`,
      async () => {
        const life = await started();
        const tab = await openTab(await addressOf(life), options);
        await tab.becomes("live", transport);
        const other = client(life.url);
        const hushes = [await tab.talk(), talk("other", (data) => other.publish("r", data))];
        const said = [];
        for (const word of ["away", "away again"]) {
          await tab.hears(40);
          const ended = end(life);
          await tab.becomes("offline");
          await ended;
          const waiting = tab.say(word);
          await life.start();
          await tab.becomes("live", transport);
          said.push(await waiting);
        }
        await tab.hears(40);
        for (const hush of hushes) said.push(...(await hush()));
        said.push({ data: "end", at: await other.publish("r", "end") });
        await tab.heardExactly(said);
      },
    );
  }

  longTest(
    "messages that a page publishes while there is no server are delivered once, in order",
    async () => {
      const life = await started();
      const tab = await openTab(await addressOf(life), options);
      await tab.becomes("live", transport);
      const said = [await tab.say("before")];
      await life.kill();
      await tab.becomes("offline");
      const words = Array.from({ length: 20 }, (_, n) => `word ${n}`);
      const waiting = words.map((word) => tab.say(word));
      await life.start();
      said.push(...(await Promise.all(waiting)));
      // Read by a client that has received nothing yet.
      const { messages } = (await (await fetch(`${life.url}/rooms/r`)).json()) as {
        messages: { data: string }[];
      };
      expect(messages.map(({ data }) => data)).toEqual(["before", ...words]);
      said.push(await tab.say("after"));
      await tab.heardExactly(said);
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
      const said = [await tab.say("before")];
      const killed = Promise.withResolvers<void>();
      const kill = () => life.kill().then(killed.resolve);
      if (transport === "websocket") {
        const other = await hear(client(life.url), "r");
        proxy.stall(true);
        void other.until((all) => all.includes("once")).then(kill);
      } else {
        // Only this response. A browser may send a CORS preflight first, which must succeed.
        const lose = async (route: Route) => {
          await route.fetch();
          await kill();
          await route.abort();
        };
        await tab.page.route(/\/publish\?/, lose, { times: 1 });
      }
      const waiting = tab.say("once");
      await killed.promise;
      proxy.cut();
      await tab.becomes("offline");
      await life.start();
      said.push(await waiting, await tab.say("after"));
      await tab.heardExactly(said);
    },
  );

  longTest(
    "after a drain the client reconnects at the time that the server gave, to the next server at the address",
    async () => {
      const life = await started();
      const proxy = await Proxy.start(life.port);
      proxy.blockUpgrade = !options.transport;
      // The client's own backoff would take days. Its connection may wait at the proxy until there is a server.
      const backoff = { first: 1e9, most: 1e9 };
      const tab = await openTab(proxy.url, { ...options, backoff, timeout: 60_000 });
      await tab.becomes("live", transport);
      const said = [];
      for (const word of ["one", "two", "three"]) said.push(await tab.say(word));
      proxy.hold(true);
      const ended = life.stop();
      await tab.becomes("offline");
      const waiting = tab.say("four");
      await tab.becomes("connecting");
      await ended;
      await life.start();
      const other = client(life.url);
      said.push({ data: "five", at: await other.publish("r", "five") });
      proxy.hold(false);
      await tab.becomes("live", transport);
      said.push(await waiting, await tab.say("six"));
      await tab.heardExactly(said);
      expect(tab.errors.all).toEqual([]);
    },
  );
});
