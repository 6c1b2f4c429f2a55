// The client in a hidden and frozen tab of a real browser: after it resumes, it receives every missed message.
import { describe, expect } from "bun:test";
import { openSleeper, type Sleeper } from "../support/browser.ts";
import { longTests } from "../support/long.ts";
import { Proxy } from "../support/proxy.ts";
import { startServer } from "../support/server.ts";
import { claims, SECRET, seconds, token } from "../support/tokens.ts";
import { client, upTo } from "./support.ts";
import { inBrowser, openTab, type Tab, type TabOptions } from "./tab.ts";
import { type Said, talk } from "./talk.ts";

const longTest = longTests(7, inBrowser);

async function open(transport: "websocket" | "event-stream", options: TabOptions = {}) {
  const access = options.token && { access: { secrets: [SECRET], leeway: 0 } };
  const server = startServer({ rooms: { "*": { history: { count: 100_000 } } }, heartbeat: 600, ...access });
  const proxy = await Proxy.start(server.port);
  const sleeper = await openSleeper();
  const tab = await openTab(proxy.url, { transport, ...options, page: sleeper.page });
  await tab.becomes("live", transport);
  const other = client(server.url, access && { token: token() });
  const say = async (word: string, count: number): Promise<Said[]> =>
    Promise.all(
      upTo(count).map(async (n) => {
        const data = `${word} ${n}`;
        return { data, at: await other.publish("r", data) };
      }),
    );
  return { server, proxy, sleeper, tab, other, say };
}

/** Hides and freezes the page. No code runs in it until `wake`. */
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
    const { sleeper, tab, say } = await open(transport);
    const said = await say("awake", 20);
    await tab.heard.until(({ length }) => length === 20);
    await sleep(tab, sleeper);
    said.push(...(await say("asleep", 200)));
    expect(tab.heard.all).toHaveLength(20);
    await wake(tab, sleeper);
    said.push(...(await say("again", 20)), await tab.say("mine"));
    await tab.heardExactly(said);
  });

  longTest("the connection breaks while the page is frozen and all clients publish", async () => {
    const { proxy, sleeper, tab, other, say } = await open(transport);
    const hushes = [await tab.talk(), talk("other", (data) => other.publish("r", data))];
    await tab.hears(40);
    await sleep(tab, sleeper);
    const said = await say("connected", 100);
    proxy.cut();
    said.push(...(await say("cut", 100)));
    await wake(tab, sleeper);
    await tab.becomes("offline");
    await tab.becomes("live", transport);
    await tab.hears(40);
    for (const hush of hushes) said.push(...(await hush()));
    said.push(...(await say("end", 1)));
    await tab.heardExactly(said);
  });

  longTest("the token expires while the page is frozen", async () => {
    let tokens = 0;
    let lasting = 4;
    const { server, sleeper, tab, say } = await open(transport, {
      token: () => token(claims({ jti: String(tokens++), exp: seconds(lasting) })),
    });
    const said = await say("awake", 20);
    await sleep(tab, sleeper);
    said.push(...(await say("asleep", 20)));
    const before = tokens;
    // The other client's session, and the page's until its token expires.
    while (server.thump.hub.sessions.size > 1) await Bun.sleep(5);
    said.push(...(await say("away", 20)));
    expect(tokens).toBe(before);
    lasting = 3600;
    await wake(tab, sleeper);
    said.push(await tab.say("mine"), ...(await say("again", 20)));
    await tab.heardExactly(said);
    expect(tab.errors.all).toEqual([]);
  });
});

longTest("a tab whose connection died while it was hidden notices when it becomes visible", async () => {
  const { proxy, sleeper, tab, say } = await open("websocket");
  await sleeper.hide();
  await tab.life.find((what) => what === "hidden");
  proxy.blackHole(true);
  const said = await say("word", 20);
  // Without the visibility event the client would notice after ten minutes at the earliest.
  proxy.blackHole(false);
  await sleeper.show();
  await tab.becomes("offline");
  await tab.becomes("live");
  said.push(await tab.say("mine"));
  await tab.heardExactly(said);
});
