// EventSource in a real browser, while a draining or full server temporarily rejects its requests.
import { expect } from "bun:test";
import type { Page } from "playwright-core";
import { KillableServer } from "../durable/killable-server.ts";
import { openPages } from "../support/browser.ts";
import { cleanup } from "../support/cleanup.ts";
import { connect, Inbox } from "../support/clients.ts";
import { longTests } from "../support/long.ts";
import { folder } from "../support/process.ts";
import { startServer } from "../support/server.ts";
import { tcp } from "../support/tcp.ts";
import { inBrowser } from "./tab.ts";

const longTest = longTests(2, inBrowser);

const CLOSED = 2;

/** A page from a different origin, with one EventSource per address. */
const html = (addresses: string[]) => `<!doctype html>
<meta charset="utf-8"><link rel="icon" href="data:,">
<script>
  const sources = ${JSON.stringify(addresses)}.map((address, i) => {
    const source = new EventSource(address);
    source.onopen = () => tell("opens", i);
    source.onmessage = ({ data }) => tell("received", { i, data });
    source.addEventListener("thump:gap", ({ data }) => tell("gaps", data));
    source.addEventListener("thump:error", ({ data }) => tell("refused", { i, ...JSON.parse(data) }));
    return source;
  });
  const states = () => sources.map(({ readyState }) => readyState);
</script>`;

interface Listening {
  page: Page;
  opens: Inbox<number>;
  received: Inbox<{ i: number; data: string }>;
  refused: Inbox<{ i: number; code: string; status: number }>;
  gaps: Inbox<string>;
  /** The messages that one EventSource received. */
  of(i: number): string[];
  states(): Promise<number[]>;
}

async function listen(addresses: string[]): Promise<Listening> {
  const site = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response(html(addresses), { headers: { "content-type": "text/html" } }),
  });
  cleanup(() => site.stop(true));
  const page = (await openPages("about:blank", 1)).pages[0] as Page;
  const inboxes = { opens: new Inbox(), received: new Inbox(), refused: new Inbox(), gaps: new Inbox() };
  await page.exposeFunction("tell", (name: keyof typeof inboxes, what: unknown) => inboxes[name].push(what));
  await page.goto(site.url.href);
  const { received } = inboxes as unknown as Pick<Listening, "received">;
  return {
    ...(inboxes as unknown as Pick<Listening, "opens" | "received" | "refused" | "gaps">),
    page,
    of: (index) => received.all.filter(({ i }) => i === index).map(({ data }) => data),
    states: () => page.evaluate<number[]>("states()"),
  };
}

const each = (count: number, test: (i: number) => boolean) =>
  Array.from({ length: count }, (_, i) => i).every(test);

longTest(
  "a drain delayed by a slow client, then the next server on the same port: all reconnect and receive missed messages",
  async () => {
    const life = new KillableServer(folder(), [
      "--drain",
      "300ms",
      "--rooms",
      '{"*":{"history":{"count":10000,"bytes":"100MiB"}}}',
    ]);
    await life.start();
    const { url, port } = life;
    const publish = async (room: string, body: string) => {
      const response = await fetch(`${url}/rooms/${room}`, { method: "POST", body });
      expect(response.status).toBe(201);
    };
    const listening = await listen([`${url}/rooms/r`, `${url}/rooms/r?max=1000`, `${url}/events?room=r`]);
    const { opens, refused } = listening;
    await opens.until(({ length }) => length === 3);
    await publish("r", "before");
    const receives = (i: number, data: string) => listening.of(i).some((one) => one.includes(data));
    await listening.received.until(() => each(3, (i) => receives(i, "before")));
    // This client does not read, so the drain waits for it.
    const slow = await tcp(port);
    slow.send("GET /rooms/slow HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n");
    await slow.until("\nid: ");
    slow.socket.pause();
    for (let n = 0; n < 300; n++) await publish("slow", "x".repeat(60_000));
    const stopped = life.stop();
    // Each stream reconnects while the old server is still running, and is rejected.
    await refused.until((all) => each(3, (index) => all.some(({ i }) => i === index)));
    expect(new Set(refused.all.map(({ code, status }) => `${status} ${code}`))).toEqual(
      new Set(["503 draining"]),
    );
    await publish("r", "missed");
    await stopped;
    await life.start();
    await publish("r", "after");
    await listening.received.until(() => each(3, (i) => receives(i, "after")));
    for (const i of [0, 2]) {
      const words = listening.of(i);
      expect(words).toHaveLength(3);
      for (const [n, word] of ["before", "missed", "after"].entries()) expect(words[n]).toContain(word);
    }
    expect(await listening.states()).not.toContain(CLOSED);
    expect(listening.gaps.all).toEqual([]);
  },
);

longTest(
  "a full server that later accepts sessions again: the stream reconnects and receives missed messages",
  async () => {
    const server = startServer({ limits: { sessions: 1 } });
    const { hub } = server.thump;
    const listening = await listen([server.room("r")]);
    await listening.opens.until(({ length }) => length === 1);
    await server.thump.publish("r", "before");
    await listening.received.until(({ length }) => length === 1);
    // Ends the stream's session. A different client connects before the stream reconnects, so the server is full.
    for (const session of hub.sessions.values()) session.end(4403, "removed");
    const other = await connect(server.socket("/ws"));
    await server.thump.publish("r", "missed");
    expect(await listening.refused.next()).toMatchObject({ status: 503, code: "busy" });
    expect(hub.sessions.size).toBe(1);
    expect(await listening.states()).not.toContain(CLOSED);
    other.ws.terminate();
    await server.thump.publish("r", "after");
    await listening.received.until(({ length }) => length === 3);
    expect(listening.of(0)).toEqual(["before", "missed", "after"]);
    expect(listening.gaps.all).toEqual([]);
  },
);
