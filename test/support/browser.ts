// Pages in a headless browser that closes with the test.
import type { BrowserContextOptions, Page } from "playwright-core";
import { launch } from "../../scripts/chromium.ts";
import { cleanup } from "./cleanup.ts";

export interface Opened {
  pages: Page[];
  /** What went wrong in them. */
  errors: string[];
  /** The origins that they asked for anything. */
  origins: Set<string>;
}

/** Pages of one browser that closes with the test. */
export async function openPages(
  url: string,
  count: number,
  options: BrowserContextOptions = {},
): Promise<Opened> {
  const browser = await launch();
  cleanup(() => browser.close());
  const opened: Opened = { pages: [], errors: [], origins: new Set() };
  const { pages, errors, origins } = opened;
  for (let i = 0; i < count; i++) {
    // Certificates of tests are signed by nobody.
    const page = await browser.newPage({ ignoreHTTPSErrors: true, ...options });
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    page.on("request", (request) => origins.add(new URL(request.url()).origin));
    page.on("websocket", (socket) => origins.add(new URL(socket.url()).origin));
    await page.goto(url);
    pages.push(page);
  }
  return opened;
}
