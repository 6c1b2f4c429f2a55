// A headless Chromium, where the machine has one: for the browser tests and the README's picture.
import { existsSync } from "node:fs";
import { type Browser, type BrowserContext, chromium } from "playwright-core";
import { freePort } from "./free-port.ts";

/** Where Debian and others put it; CHROMIUM names another place. */
const executablePath = [
  process.env["CHROMIUM"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => path !== undefined && existsSync(path));

/** Why browser tests are skipped here, if they are. */
export const noBrowser = executablePath
  ? undefined
  : "no Chromium on this machine (Debian: apt-get install chromium)";

/** It must not look for anything beyond this machine. */
const QUIET = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"];

export function launch(more: string[] = []): Promise<Browser> {
  return chromium.launch({
    ...(executablePath ? { executablePath } : {}),
    args: [...QUIET, "--disable-component-update", "--disable-sync", ...more],
  });
}

/**
 * A browser whose tabs are hidden, and sleep, as those of people do: Playwright has its own believe that somebody looks
 * at them, always. `close` ends it.
 */
export async function launchAsIs(): Promise<{ context: BrowserContext; close: () => Promise<void> }> {
  const port = await freePort();
  const launched = await launch([`--remote-debugging-port=${port}`]);
  const browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`, { noDefaults: true });
  const [context] = browser.contexts();
  if (!context) throw new Error("the browser has no context of its own");
  return { context, close: () => launched.close() };
}
