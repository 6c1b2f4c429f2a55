// The client in a real browser with short-lived tokens: the page fetches new tokens, and its connection stays
// open.
import { describe, expect } from "bun:test";
import { Inbox } from "../support/clients.ts";
import { longTests } from "../support/long.ts";
import { Proxy } from "../support/proxy.ts";
import { startServer } from "../support/server.ts";
import { claims, SECRET, seconds, token } from "../support/tokens.ts";
import { client } from "./support.ts";
import { inBrowser, openTab, CONNECTIONS } from "./tab.ts";
import { publishRepeatedly } from "./repeated-publisher.ts";

const longTest = longTests(3, inBrowser);

describe.each(CONNECTIONS)("over %s", (_, options) => {
  const transport = options.transport ?? "event-stream";

  longTest("messages continue while one token after another expires, and each arrives once", async () => {
    const rooms = { "*": { history: { count: 100_000 } } };
    const server = startServer({ access: { secrets: [SECRET], leeway: 0 }, rooms });
    const proxy = await Proxy.start(server.port);
    proxy.blockUpgrade = !options.transport;
    const fetched = new Inbox<string>();
    // A WebSocket client sends its next token after three quarters of the lifetime. The last quarter must be long
    // enough on a busy machine.
    const lasting = transport === "websocket" ? 7 : 3;
    const supply = () => {
      const fresh = token(claims({ jti: String(fetched.all.length), exp: seconds(lasting) }));
      fetched.push(fresh);
      return fresh;
    };
    const tab = await openTab(proxy.url, { ...options, token: supply });
    await tab.becomes("live", transport);
    const { connections } = proxy;
    const other = client(server.url, { token: token(claims({ sub: "other" })) });
    const publishers = [
      await tab.publishRepeatedly(),
      publishRepeatedly("other", (data) => other.publish("r", data)),
    ];
    const { length: before } = fetched.all;
    await fetched.until(({ length }) => length >= before + 3);
    await tab.receives(40);
    const sent = (await Promise.all(publishers.map((finish) => finish()))).flat();
    sent.push({ data: "end", at: await other.publish("r", "end") });
    await tab.receivedExactly(sent);
    expect(tab.errors.all).toEqual([]);
    if (transport !== "websocket") return;
    // The client sent all tokens on the same connection.
    expect(proxy.connections).toBe(connections);
    expect(tab.states.all.map(({ state }) => state)).not.toContain("offline");
  });
});
