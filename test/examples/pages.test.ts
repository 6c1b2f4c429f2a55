// The examples that have a page, in a real browser: the chat, the dashboard, the job progress page.
import { expect } from "bun:test";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { noBrowser } from "../../scripts/chromium.ts";
import { openPages } from "../support/browser.ts";
import { lines } from "../support/clients.ts";
import { EXAMPLES, runProgram, startExample } from "./support.ts";
import { testIf } from "../support/skip.ts";

const browser = testIf(noBrowser);

const PHONE = { viewport: { width: 390, height: 740 } };
/** Folder in which to store screenshots. Default: none are taken. */
const PICTURES = process.env["THUMP_PICTURES"];
const picture = (page: Page, name: string) =>
  PICTURES ? page.screenshot({ path: join(PICTURES, `${name}.png`) }) : undefined;

async function signIn(page: Page, name: string): Promise<void> {
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Join" }).click();
  await page.getByRole("status").getByText("live").waitFor();
}

async function send(page: Page, text: string): Promise<void> {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

const log = (page: Page) => page.getByLabel("Messages");
const showsMessage = (page: Page, text: string) => log(page).getByText(text).waitFor();
/** True if the page fits the width of its window. */
const fits = (page: Page) => page.evaluate("document.documentElement.scrollWidth <= innerWidth");

browser(
  "chat: two users exchange messages, see each other and change rooms; a user who reconnects misses no message",
  async () => {
    const { url } = await startExample("chat");
    const { pages, errors } = await openPages(url, 2, PHONE);
    const [ann, bob] = pages as [Page, Page];
    await picture(ann, "chat-login");
    await signIn(ann, "Ann");
    await picture(ann, "chat-empty");
    await signIn(bob, "Bob");
    await ann.getByText("2 here").waitFor();
    await ann.getByLabel("Members").getByText("Bob").waitFor();
    await send(ann, "hello Bob");
    await showsMessage(bob, "hello Bob");
    await showsMessage(ann, "hello Bob");
    await send(bob, `a word that is too long for a phone: ${"thump".repeat(30)}`);
    await showsMessage(ann, "a word that is too long");
    expect([await fits(ann), await fits(bob)]).toEqual([true, true]);
    await picture(ann, "chat-phone");

    await bob.context().setOffline(true);
    await bob.evaluate("dispatchEvent(new Event('offline'))");
    await send(ann, "are you there?");
    await showsMessage(ann, "are you there?");
    await bob.context().setOffline(false);
    await showsMessage(bob, "are you there?");
    await bob.reload();
    await showsMessage(bob, "are you there?");
    expect(await log(bob).locator("li").count()).toBe(3);

    await ann.getByRole("link", { name: "random" }).click();
    await log(ann).getByText("hello Bob").waitFor({ state: "detached" });
    await send(ann, "only in random");
    await showsMessage(ann, "only in random");
    expect(await log(bob).getByText("only in random").count()).toBe(0);
    await bob.setViewportSize({ width: 1200, height: 760 });
    await picture(bob, "chat-desktop");
    expect(errors).toEqual([]);
  },
  60_000,
);

browser("chat: an invalid name is rejected, and a client without a token cannot join", async () => {
  const { url } = await startExample("chat");
  expect((await fetch(`${url}/token?name=${encodeURIComponent("<b>")}`)).status).toBe(422);
  expect((await fetch(`${url}/rooms/chat:general`)).status).toBe(401);
  const { pages } = await openPages(url, 1);
  const [page] = pages as [Page];
  await page.getByLabel("Your name").fill("<b>");
  await page.getByRole("button", { name: "Join" }).click();
  await page.waitForFunction("!document.querySelector('#login input').validity.valid");
  expect(await page.getByLabel("Messages").isVisible()).toBe(false);
});

browser(
  "dashboard: the page shows the script's changing figures, and shows the last minute when it opens",
  async () => {
    const { url } = await startExample("dashboard");
    const { pages, errors } = await openPages(url, 1);
    const [page] = pages as [Page];
    const points = "document.querySelector('polyline').getAttribute('points')?.split(' ').length";
    await page.waitForFunction(`${points} >= 3`);
    expect(await page.locator("#processes").innerText()).toMatch(/^[0-9]+$/);
    expect(await page.locator("#disk").innerText()).toMatch(/^[0-9]+ %$/);
    await page.reload();
    await page.waitForFunction(`${points} >= 3`);
    await picture(page, "dashboard");
    await page.setViewportSize(PHONE.viewport);
    expect(await fits(page)).toBe(true);
    await picture(page, "dashboard-phone");
    expect(errors).toEqual([]);
  },
  30_000,
);

browser(
  "progress: a job that publishes with curl fills the bar, and its messages reach a terminal in order",
  async () => {
    const { url } = await startExample("progress");
    const { pages, errors } = await openPages(`${url}/?job=7`, 1);
    const [page] = pages as [Page];
    await page.getByText("Waiting for the job.").waitFor();
    const stream = await lines(`${url}/rooms/job:7`, { accept: "text/event-stream" });
    const job = await runProgram(["sh", join(EXAMPLES, "progress/job.sh"), `${url}/rooms/job:7`, "5"], {
      PAUSE: "0.1",
    });
    expect([job.err, job.code]).toEqual(["", 0]);
    await page.getByText("5 of 5: all done").waitFor();
    expect(await page.locator("progress").getAttribute("value")).toBe("1");
    await stream.until((all) => all.includes("event: finished"));
    await picture(page, "progress");
    const steps = stream.all
      .filter((line) => line.startsWith("data:"))
      .map((line) => /"done":(\d)/.exec(line)?.[1]);
    expect(steps.slice(0, 6)).toEqual(["0", "1", "2", "3", "4", "5"]);
    const late = await openPages(`${url}/?job=7`, 1);
    await (late.pages[0] as Page).getByText("5 of 5: all done").waitFor();
    expect(errors).toEqual([]);
  },
  30_000,
);
