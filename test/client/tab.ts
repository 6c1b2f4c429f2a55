// A tab of a real browser with a client, whose events are forwarded to the test.
import { expect } from "bun:test";
import type { Page } from "playwright-core";
import { buildClient } from "../../scripts/build-client.ts";
import { noBrowser } from "../../scripts/chromium.ts";
import { openPages } from "../support/browser.ts";
import { cleanup } from "../support/cleanup.ts";
import { Inbox } from "../support/clients.ts";
import { inOrder, type SentMessage, publishRepeatedly } from "./repeated-publisher.ts";
import { testIf } from "../support/skip.ts";

/**
 * Like `test`, but skipped without a browser. The timeout is long because the test starts a browser and often a server.
 */
export const inBrowser = (name: string, run: () => void | Promise<void>) =>
  testIf(noBrowser)(name, run, 120_000);

export type Transport = "websocket" | "event-stream";

export interface TabOptions {
  transport?: Transport;
  backoff?: { first: number; most: number };
  /** Maximum time in ms for a connection to open. */
  timeout?: number;
  /**
   * Returns the token that the page's own site issues on request. If this function is set, the client fetches its
   * tokens.
   */
  token?: () => string;
  /** An empty page to use. Default: a page in a new browser. */
  page?: Page;
}

/** The transports that a page may use. */
export const CONNECTIONS: [name: string, options: TabOptions][] = [
  ["a WebSocket", { transport: "websocket" }],
  ["streams", { transport: "event-stream" }],
  ["streams, because WebSockets are blocked", {}],
];

/** A page with a client in one room. The test calls the functions on `window`. */
const html = (url: string, options: object, asksForTokens: boolean) => `<!doctype html>
<meta charset="utf-8"><link rel="icon" href="data:,">
<script type="module">
  import { connect } from "/client.js";
  const token = async () => {
    const response = await fetch("/token", { method: "POST" });
    return response.text();
  };
  const thump = connect(${JSON.stringify(url)}, {
    resume: sessionStorage,
    ...${JSON.stringify(options)},
    ...(${asksForTokens} && { token }),
  });
  const room = thump.room("r");
  room.on("message", (data) => tell("received", data));
  room.on("gap", (gap) => tell("gaps", gap));
  thump.on("error", ({ code, message }) => tell("errors", code + ": " + message));
  thump.on("state", (state) => tell("states", { state, transport: thump.transport }));
  for (const name of ["freeze", "resume"]) document.addEventListener(name, () => tell("life", name));
  document.addEventListener("visibilitychange", () => tell("life", document.visibilityState));
  ${String(publishRepeatedly)}
  let finish;
  Object.assign(window, {
    publish: (data) => room.publish(data),
    publishRepeatedly: () => void (finish = publishRepeatedly("page", (data) => room.publish(data))),
    finish: () => finish(),
  });
</script>`;

export class Tab {
  /** The data of each received message, across page reloads. */
  readonly received = new Inbox<string>();
  readonly gaps = new Inbox<unknown>();
  readonly errors = new Inbox<string>();
  readonly states = new Inbox<{ state: string; transport?: Transport }>();
  /** Page lifecycle events: `hidden`, `freeze`, `resume`, `visible`. */
  readonly life = new Inbox<string>();

  constructor(readonly page: Page) {}

  /** Resolves when the client next enters this state. Earlier states are skipped. */
  async becomes(state: string, transport?: Transport): Promise<void> {
    await this.states.find((now) => now.state === state && (!transport || now.transport === transport));
  }

  /** Publishes from the page. Resolves once the message is stored. */
  async publish(data: string): Promise<SentMessage> {
    return { data, at: await this.page.evaluate<string>(`publish(${JSON.stringify(data)})`) };
  }

  /** Publishes from the page continuously until the returned function is called. */
  async publishRepeatedly(): Promise<() => Promise<SentMessage[]>> {
    await this.page.evaluate("publishRepeatedly()");
    return () => this.page.evaluate<SentMessage[]>("finish()");
  }

  /** Resolves when `more` additional messages have arrived. */
  async receives(more: number): Promise<void> {
    const enough = this.received.all.length + more;
    await this.received.until(({ length }) => length >= enough);
  }

  /** Expects these messages and no others, each once and in log order. */
  async receivedExactly(sent: SentMessage[]): Promise<void> {
    const truth = inOrder(sent);
    const last = truth.at(-1) as string;
    await this.received.until((all) => all.includes(last));
    expect(this.received.all).toEqual(truth);
    expect(this.gaps.all).toEqual([]);
  }
}

/**
 * Opens a page with a client that connects to the server at `url`. A separate site serves the page, so the page has a
 * different origin.
 */
export async function openTab(url: string, { token, page, ...options }: TabOptions = {}): Promise<Tab> {
  const script = await buildClient();
  const text = html(url, { backoff: { first: 50, most: 200 }, ...options }, token !== undefined);
  const answer = (body: string, type: string) => new Response(body, { headers: { "content-type": type } });
  const site = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    routes: {
      "/": () => answer(text, "text/html"),
      "/client.js": () => answer(script, "text/javascript"),
      "/token": { POST: () => answer(token?.() ?? "", "text/plain") },
    },
  });
  cleanup(() => site.stop(true));
  const tab = new Tab(page ?? ((await openPages("about:blank", 1)).pages[0] as Page));
  const { received, gaps, errors, states, life } = tab;
  const inboxes: Record<string, { push(what: never): void }> = { received, gaps, errors, states, life };
  await tab.page.exposeFunction("tell", (name: string, what: never) => inboxes[name]?.push(what));
  await tab.page.goto(site.url.href);
  return tab;
}
