// Starts the machine's headless Chromium, for browser tests and screenshots.
import { existsSync } from "node:fs";
import { type Browser, type BrowserContext, chromium } from "playwright-core";
import { freePort } from "./free-port.ts";

/** Chromium's paths on Debian and other systems. The environment variable CHROMIUM overrides them. */
const executablePath = [
  process.env["CHROMIUM"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => path !== undefined && existsSync(path));

/** The reason why browser tests are skipped on this machine, if they are. */
export const noBrowser = executablePath
  ? undefined
  : "no Chromium on this machine (Debian: apt-get install chromium)";

/** Prevents Chromium from contacting other machines. */
const QUIET = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"];

export function launch(more: string[] = []): Promise<Browser> {
  return chromium.launch({
    ...(executablePath ? { executablePath } : {}),
    args: [...QUIET, "--disable-component-update", "--disable-sync", ...more],
  });
}

/**
 * Starts a browser whose tabs can be hidden and frozen, as in real use. Tabs that Playwright opens itself always count
 * as visible. `close` stops the browser.
 */
export async function launchAsIs(): Promise<{ context: BrowserContext; close: () => Promise<void> }> {
  const port = await freePort();
  const launched = await launch([`--remote-debugging-port=${port}`]);
  const browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`, { noDefaults: true });
  const [context] = browser.contexts();
  if (!context) throw new Error("the browser has no default context");
  return { context, close: () => launched.close() };
}
