// A headless Chromium, where the machine has one: for the browser tests and the README's picture.
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

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

export function launch(): Promise<Browser> {
  return chromium.launch({
    ...(executablePath ? { executablePath } : {}),
    args: [...QUIET, "--disable-component-update", "--disable-sync"],
  });
}
