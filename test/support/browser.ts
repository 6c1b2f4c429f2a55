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
    const page = await browser.newPage();
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    await page.goto(url);
    pages.push(page);
  }
  return { pages, errors };
}
