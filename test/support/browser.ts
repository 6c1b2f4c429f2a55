// Pages in a headless browser, including a page whose tab a test can hide and freeze.
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { launch, launchAsIs } from "../../scripts/chromium.ts";
import { cleanup, cleanupAtEnd } from "./cleanup.ts";

export interface Opened {
  pages: Page[];
  /** Errors that occurred on the pages. */
  errors: string[];
  /** The origins of all requests from the pages. */
  origins: Set<string>;
}

let browser: Promise<Browser> | undefined;

/** The browser of all tests in this process. Each page has its own context and storage. */
function sharedBrowser(): Promise<Browser> {
  if (browser === undefined) {
    const launched = launch();
    browser = launched;
    cleanupAtEnd(async () => (await launched).close());
  }
  return browser;
}

/** Opens pages that close when the test ends. */
export async function openPages(
  url: string,
  count: number,
  options: BrowserContextOptions = {},
): Promise<Opened> {
  const shared = await sharedBrowser();
  const opened: Opened = { pages: [], errors: [], origins: new Set() };
  const { pages, errors, origins } = opened;
  for (let i = 0; i < count; i++) {
    // Test certificates are self-signed.
    const page = await shared.newPage({ ignoreHTTPSErrors: true, ...options });
    cleanup(() => page.close());
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    page.on("request", (request) => origins.add(new URL(request.url()).origin));
    page.on("websocket", (socket) => origins.add(new URL(socket.url()).origin));
    await page.goto(url);
    pages.push(page);
  }
  return opened;
}

export interface Sleeper {
  page: Page;
  /** Brings a different tab to the front. */
  hide(): Promise<void>;
  /** Brings the page to the front. */
  show(): Promise<void>;
  /** Stops all scripts, as a browser does in a tab that has been hidden for a long time. */
  freeze(): Promise<void>;
  /** Lets scripts run again. */
  thaw(): Promise<void>;
}

/** Opens a page in a separate browser that closes when the test ends. */
export async function openSleeper(): Promise<Sleeper> {
  const { context, close } = await launchAsIs();
  cleanup(close);
  const other = await context.newPage();
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  const become = async (state: "frozen" | "active") => {
    await devtools.send("Page.setWebLifecycleState", { state });
  };
  return {
    page,
    hide: () => other.bringToFront(),
    show: () => page.bringToFront(),
    freeze: () => become("frozen"),
    thaw: () => become("active"),
  };
}
