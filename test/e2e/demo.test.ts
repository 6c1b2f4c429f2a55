// The demo page in a real browser: with two tabs, a POST and a dropped connection, no message is missed.
import { expect } from "bun:test";
import type { Page } from "playwright-core";
import { noBrowser } from "../../scripts/chromium.ts";
import { openPages } from "../support/browser.ts";
import { startServer } from "../support/server.ts";
import { testIf } from "../support/skip.ts";

const has = (page: Page, id: string, text: string) => page.getByTestId(id).getByText(text).first().waitFor();

testIf(noBrowser)(
  "two tabs receive each other's messages and a POST; a dropped tab reconnects and misses nothing",
  async () => {
    const server = startServer({ demo: true });
    const { pages, errors } = await openPages(server.url, 2);
    const [first, second] = pages as [Page, Page];
    for (const page of pages) {
      await has(page, "socket-state", "live");
      await has(page, "stream-state", "live");
    }
    // Each tab has two panes.
    for (const page of pages) await has(page, "chat-here", "4 here");

    await first.getByTestId("chat-input").fill("hello from the first tab");
    await first.getByTestId("chat-send").click();
    await has(second, "chat-log", "hello from the first tab");
    await has(second, "stream-log", "hello from the first tab");
    await server.publish("demo:chat", "hello from curl");
    for (const page of pages) await has(page, "chat-log", "hello from curl");

    await second.getByTestId("drop").click();
    await has(second, "socket-state", "offline");
    await server.publish("demo:chat", "said while it was away");
    await has(second, "resume-summary", "replayed");
    await has(second, "chat-log", "said while it was away");
    const summary = await second.getByTestId("resume-summary").innerText();
    expect(summary).toContain("You missed 4. All 4 replayed");
    expect(await second.getByTestId("chat-log").getByText("said while it was away").count()).toBe(1);
    expect(errors).toEqual([]);
  },
  60_000,
);
