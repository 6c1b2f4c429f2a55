// Pages in a headless browser that closes with the test.
import type { Page } from "playwright-core";
import { launch } from "../../scripts/chromium.ts";
import { cleanup } from "./cleanup.ts";

/** Pages of one browser that closes with the test, and what went wrong in them. */
export async function openPages(url: string, count: number): Promise<{ pages: Page[]; errors: string[] }> {
  const browser = await launch();
  cleanup(() => browser.close());
  const errors: string[] = [];
  const pages: Page[] = [];
  for (let i = 0; i < count; i++) {
    // Certificates of tests are signed by nobody.
    const page = await browser.newPage({ ignoreHTTPSErrors: true });
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    await page.goto(url);
    pages.push(page);
  }
  return { pages, errors };
}
