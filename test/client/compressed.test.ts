// The client with gzip streams that end without a trailer: even if `fetch` reports an error, the client treats the
// stream as ended.
import { expect, test } from "bun:test";
import { Proxy } from "../support/proxy.ts";
import { startServer } from "../support/server.ts";
import { client, joinRoom, upTo } from "./support.ts";

test("a session that is ended or cut reconnects and misses no message", async () => {
  const codings: (string | null)[] = [];
  const server = startServer({ rooms: { "*": { compress: "streams" } } });
  const proxy = await Proxy.start(server.port);
  const counting = async (url: string, init: RequestInit) => {
    // A page cannot set `accept-encoding`.
    const { "accept-encoding": _, ...headers } = init.headers as Record<string, string>;
    const response = await fetch(url, { ...init, headers });
    if (url.includes("/events")) codings.push(response.headers.get("content-encoding"));
    return response;
  };
  const thump = client(proxy.url, {
    transport: "event-stream",
    fetch: counting,
    backoff: { first: 20, most: 50 },
  });
  const received = await joinRoom(thump, "r");
  for (const n of upTo(20)) {
    const before = codings.length;
    if (n % 4 === 1) proxy.cut();
    else if (n % 4 === 3) for (const session of server.thump.hub.sessions.values()) session.end(1001, "10");
    await server.publish("r", JSON.stringify({ n, text: "x".repeat(n * 50) }));
    await received.until(({ length }) => length === n + 1);
    if (n % 2) expect(codings.length).toBeGreaterThan(before);
  }
  expect(received.all).toEqual(upTo(20).map((n) => ({ n, text: "x".repeat(n * 50) })));
  expect([...received.gaps.all, ...thump.errors.all]).toEqual([]);
  // Otherwise this test would not cover gzip.
  expect(new Set(codings)).toEqual(new Set(["gzip"]));
});
