// The client in a hidden and frozen tab of a real browser: after it resumes, it receives every missed message.
import { describe, expect } from "bun:test";
import { openSleeper, type Sleeper } from "../support/browser.ts";
import { longTests } from "../support/long.ts";
import { Proxy } from "../support/proxy.ts";
import { startServer } from "../support/server.ts";
import { claims, SECRET, seconds, token } from "../support/tokens.ts";
import { client, upTo } from "./support.ts";
import { inBrowser, openTab, type Tab, type TabOptions } from "./tab.ts";
import { type SentMessage, publishRepeatedly } from "./repeated-publisher.ts";

const longTest = longTests(7, inBrowser);

async function open(transport: "websocket" | "event-stream", options: TabOptions = {}) {
  const access = options.token && { access: { secrets: [SECRET], leeway: 0 } };
  const server = startServer({ rooms: { "*": { history: { count: 100_000 } } }, heartbeat: 600, ...access });
  const proxy = await Proxy.start(server.port);
  const sleeper = await openSleeper();
  const tab = await openTab(proxy.url, { transport, ...options, page: sleeper.page });
  await tab.becomes("live", transport);
  const other = client(server.url, access && { token: token() });
  const publish = async (word: string, count: number): Promise<SentMessage[]> =>
    Promise.all(
      upTo(count).map(async (n) => {
        const data = `${word} ${n}`;
        return { data, at: await other.publish("r", data) };
      }),
    );
  return { server, proxy, sleeper, tab, other, publish };
}

/** Hides and freezes the page. No code runs in the page until the test calls `wake`. */
async function sleep({ life }: Tab, sleeper: Sleeper): Promise<void> {
  await sleeper.hide();
  await life.find((what) => what === "hidden");
  await sleeper.freeze();
  await life.find((what) => what === "freeze");
}

async function wake({ life }: Tab, sleeper: Sleeper): Promise<void> {
  await sleeper.thaw();
  await life.find((what) => what === "resume");
  await sleeper.show();
  await life.find((what) => what === "visible");
}

describe.each(["websocket", "event-stream"] as const)("over %s", (transport) => {
  longTest("messages published while the page is frozen arrive when it resumes, and not before", async () => {
    const { sleeper, tab, publish } = await open(transport);
    const sent = await publish("awake", 20);
    await tab.received.until(({ length }) => length === 20);
    await sleep(tab, sleeper);
    sent.push(...(await publish("asleep", 200)));
    expect(tab.received.all).toHaveLength(20);
    await wake(tab, sleeper);
    sent.push(...(await publish("again", 20)), await tab.publish("mine"));
    await tab.receivedExactly(sent);
  });

  longTest("the connection breaks while the page is frozen and all clients publish", async () => {
    const { proxy, sleeper, tab, other, publish } = await open(transport);
    const publishers = [
      await tab.publishRepeatedly(),
      publishRepeatedly("other", (data) => other.publish("r", data)),
    ];
    await tab.receives(40);
    await sleep(tab, sleeper);
    const sent = await publish("connected", 100);
    proxy.cut();
    sent.push(...(await publish("cut", 100)));
    await wake(tab, sleeper);
    await tab.becomes("offline");
    await tab.becomes("live", transport);
    await tab.receives(40);
    for (const finish of publishers) sent.push(...(await finish()));
    sent.push(...(await publish("end", 1)));
    await tab.receivedExactly(sent);
  });

  longTest("the token expires while the page is frozen", async () => {
    let tokens = 0;
    let lasting = 4;
    const { server, sleeper, tab, publish } = await open(transport, {
      token: () => token(claims({ jti: String(tokens++), exp: seconds(lasting) })),
    });
    const sent = await publish("awake", 20);
    await sleep(tab, sleeper);
    sent.push(...(await publish("asleep", 20)));
    const before = tokens;
    // Waits until the page's token has expired and only the other client's session remains.
    while (server.thump.hub.sessions.size > 1) await Bun.sleep(5);
    sent.push(...(await publish("away", 20)));
    expect(tokens).toBe(before);
    lasting = 3600;
    await wake(tab, sleeper);
    sent.push(await tab.publish("mine"), ...(await publish("again", 20)));
    await tab.receivedExactly(sent);
    expect(tab.errors.all).toEqual([]);
  });
});

longTest("a tab whose connection died while it was hidden notices when it becomes visible", async () => {
  const { proxy, sleeper, tab, publish } = await open("websocket");
  await sleeper.hide();
  await tab.life.find((what) => what === "hidden");
  proxy.blackHole(true);
  const sent = await publish("word", 20);
  // Without the visibility event, the client would detect the dead connection after ten minutes at the earliest.
  proxy.blackHole(false);
  await sleeper.show();
  await tab.becomes("offline");
  await tab.becomes("live");
  sent.push(await tab.publish("mine"));
  await tab.receivedExactly(sent);
});
