// The console in a real browser, in difficult cases: long texts, narrow screens, no server.
import { expect } from "bun:test";
import type { Page } from "playwright-core";
import { noBrowser } from "../../scripts/chromium.ts";
import { openPages } from "../support/browser.ts";
import { connect } from "../support/clients.ts";
import { startServer } from "../support/server.ts";
import { testIf } from "../support/skip.ts";
import { SECRET } from "../support/tokens.ts";

const NARROW = { viewport: { width: 390, height: 844 }, isMobile: true };

function inBrowser(name: string, run: () => Promise<void>): void {
  testIf(noBrowser)(name, run, 60_000);
}

async function openConsole(url: string, view: string, options = {}): Promise<Page> {
  const { pages } = await openPages(`${url}/console${view}`, 1, options);
  return pages[0] as Page;
}

const has = (page: Page, id: string, text: string | RegExp) =>
  page.getByTestId(id).filter({ hasText: text }).first().waitFor();

inBrowser("on a narrow screen, rules and error messages are fully readable", async () => {
  const server = startServer({
    console: true,
    rooms: { "a-long-pattern-of-rooms-that-does-not-end:{id}:*": { publish: "owner" }, "chat:*": {} },
  });
  const page = await openConsole(server.url, "#/rules", NARROW);
  await has(page, "rules", "all others");
  const beyond = `[...document.querySelectorAll("main td, main th[scope=row]")]
    .filter((cell) => cell.getBoundingClientRect().right > innerWidth).length`;
  expect(await page.getByTestId("rules").locator("td").count()).toBe(21);
  expect(await page.evaluate(beyond)).toBe(0);
  await fetch(`${server.url}/nowhere`);
  await page.goto(`${server.url}/console#/`);
  const words = page.locator("table.errors td.wide");
  await words.waitFor();
  expect(await words.innerText()).toContain("There is nothing here");
  expect((await words.boundingBox())?.width).toBeGreaterThan(300);
  expect(await page.evaluate(beyond)).toBe(0);
});

inBrowser("an event with a long name leaves room for its data", async () => {
  const server = startServer({ console: true });
  await server.thump.publish("r", "words ".repeat(40), { event: "e".repeat(60) });
  const page = await openConsole(server.url, "#/room/r");
  const data = page.locator(".lines .data");
  await data.waitFor();
  expect((await data.boundingBox())?.width).toBeGreaterThan(400);
  await server.thump.publish("r", "");
  await has(page, "tail", "empty text");
});

inBrowser("a console whose key may not join reports this, and does not count as a session", async () => {
  const hash = new Bun.CryptoHasher("sha256").update("thump_watcher").digest("hex");
  const apiKeys = [{ name: "w", hash, rooms: { "*": ["list" as const] }, may: ["inspect" as const] }];
  const server = startServer({
    console: true,
    access: { secrets: SECRET, apiKeys },
    rooms: { r: { join: "anyone" } },
  });
  await connect(server.socket("/rooms/r"));
  const page = await openConsole(server.url, "#/room/r");
  await page.getByLabel("API key").fill("thump_watcher");
  await page.getByRole("button", { name: "Sign in" }).click();
  await has(page, "room-sessions", /^1 session$/);
  await page.getByText(/This API key may not (join|read the history of) "r"/).waitFor();
  expect(await page.getByText("No stored messages").count()).toBe(0);
});

inBrowser("the number of sessions includes the console's own once it has joined", async () => {
  const server = startServer({ console: true });
  await server.thump.publish("r", 1);
  const page = await openConsole(server.url, "#/room/r");
  await has(page, "room-sessions", "1 session, including this console");
  // Cleared messages are still stored.
  await page.getByRole("button", { name: "Clear" }).click();
  await has(page, "tail", "Cleared");
  expect(await page.getByText("No stored messages").count()).toBe(0);
});

inBrowser("values of a stopped server are marked as outdated", async () => {
  const first = startServer({ console: true });
  const page = await openConsole(first.url, "#/");
  await has(page, "figure-Sessions", /^1$/);
  await first.stop();
  await has(page, "stale", "These figures are from");
  startServer({ console: true, port: first.port });
  await has(page, "connection", "live");
  await page.getByTestId("stale").waitFor({ state: "detached" });
});

inBrowser("the demo reports that it reconnects, and no element covers another", async () => {
  const server = startServer({ demo: true });
  const { pages } = await openPages(server.url, 1);
  const page = pages[0] as Page;
  await has(page, "socket-state", "live");
  await page.getByText("No messages yet.").waitFor();
  await server.stop();
  await page.locator("#curtain").filter({ hasText: "retrying in" }).waitFor();
  expect(await page.getByText("No messages yet.").isVisible()).toBe(false);
});
