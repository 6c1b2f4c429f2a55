// The console in a real browser: it shows live values, publishes, ends sessions, and reports errors.
import { expect } from "bun:test";
import { Elysia } from "elysia";
import type { Page } from "playwright-core";
import { noBrowser } from "../../scripts/chromium.ts";
import { type AccessOptions, thump } from "../../src/index.ts";
import { openPages } from "../support/browser.ts";
import { cleanup } from "../support/cleanup.ts";
import { connect } from "../support/clients.ts";
import { startServer } from "../support/server.ts";
import { testIf } from "../support/skip.ts";
import { claims, SECRET, token } from "../support/tokens.ts";

const MASTER = "thump_master";
const WATCHER = "thump_watcher";
const hash = (key: string) => new Bun.CryptoHasher("sha256").update(key).digest("hex");

/** A test that needs a browser, with a longer timeout. */
function inBrowser(name: string, run: () => Promise<void>): void {
  testIf(noBrowser)(name, run, 60_000);
}

async function openConsole(url: string, view = "") {
  const opened = await openPages(`${url}/console${view}`, 1);
  return { ...opened, page: opened.pages[0] as Page };
}

const has = (page: Page, id: string, text: string | RegExp) =>
  page.getByTestId(id).filter({ hasText: text }).first().waitFor();
const rows = (page: Page, id: string) => page.getByTestId(id).locator("tr");

inBrowser("values and charts follow the traffic, and the page contacts no other host", async () => {
  const server = startServer({ console: true });
  const { page, errors, origins } = await openConsole(server.url);
  await has(page, "connection", "live");
  await has(page, "figure-Rooms", /^0$/);
  await connect(server.socket("/rooms/r"));
  const timer = setInterval(() => void server.thump.publish("r", "x"), 20);
  cleanup(() => clearInterval(timer));
  await has(page, "figure-Rooms", /^1$/);
  await has(page, "figure-Sessions", /^2$/);
  await has(page, "figure-Published", /^[2-9][0-9] \/s$/);
  await has(page, "figure-Delivered", /^[2-9][0-9] \/s$/);
  await has(page, "figure-To socket, p99", / ms$/);
  expect(await page.locator("canvas").count()).toBe(9);
  // Sessions and errors are shown.
  await fetch(`${server.url}/nowhere`);
  await page.locator("table code").getByText("not-found").waitFor();
  await page.locator(".events").getByText("raw-websocket").waitFor();
  expect(errors).toEqual([]);
  expect([...origins].toSorted()).toEqual([server.url, server.url.replace("http", "ws")]);
});

inBrowser(
  "publications from the console reach the room and the live tail, and the tail can be paused",
  async () => {
    const server = startServer({ console: true, rooms: { "chat:*": { schema: { type: "object" } } } });
    const name = "chat:ä/ö 1";
    await server.thump.publish(name, { text: "kept before" });
    const reader = await connect(server.socket(`/rooms/${encodeURIComponent(name)}`));
    const { page, errors } = await openConsole(server.url, "#/rooms");
    await rows(page, "rooms").getByText(name).click();
    await has(page, "tail", "kept before");
    await page.locator("#data").fill('{"text":"from the console"}');
    await page.getByRole("button", { name: "Publish" }).click();
    await has(page, "tail", "from the console");
    await has(page, "publish-result", "stored at");
    expect(await reader.next()).toBe('{"text":"from the console"}');
    // If the data is invalid, the page shows the server's error message.
    await page.locator("#data").fill("no object");
    await page.locator("#data").press("Control+Enter");
    await has(page, "publish-result", "does not fit the schema");
    await page.getByTestId("pause").click();
    await server.thump.publish(name, { text: "while it was held" });
    await has(page, "tail-state", "paused, 1 new");
    expect(await page.getByTestId("tail").getByText("while it was held").count()).toBe(0);
    await page.getByTestId("pause").click();
    await has(page, "tail", "while it was held");
    await has(page, "members", "raw-websocket");
    expect(errors).toEqual([]);
  },
);

inBrowser("a session is found, inspected, and disconnected after a confirmation", async () => {
  const server = startServer({ console: true });
  const visitor = await connect(server.socket("/rooms/r"));
  const [id = ""] = server.thump.hub.sessions.keys();
  const { page, errors } = await openConsole(server.url, "#/sessions");
  await page.locator("#room").fill("r");
  await page.getByRole("link", { name: id }).click();
  await has(page, "memberships", "live");
  await has(page, "lag", "never lagged");
  await page.getByTestId("disconnect").click();
  await page.getByRole("button", { name: "Cancel" }).click();
  expect(server.thump.hub.sessions.has(id)).toBe(true);
  await page.getByTestId("disconnect").click();
  await page.getByRole("button", { name: "Disconnect", exact: true }).click();
  expect((await visitor.closed).code).toBe(4403);
  await has(page, "ended", "has ended");
  // The browser itself logs the 404 of the ended session.
  expect(errors.filter((error) => !error.includes("404"))).toEqual([]);
});

inBrowser("with a secret the console requires a key, and reports an invalid one", async () => {
  const apiKeys: NonNullable<AccessOptions["apiKeys"]> = [
    { name: "m", hash: hash(MASTER) },
    { name: "w", hash: hash(WATCHER), rooms: { "*": ["list", "join", "history"] }, may: ["inspect"] },
  ];
  const access = { secrets: SECRET, apiKeys };
  const server = startServer({ console: true, access });
  await connect(server.socket("/ws?room=team"), {
    headers: { authorization: `Bearer ${token(claims({ sub: "ann" }))}` },
  });
  const { page } = await openConsole(server.url, "#/sessions");
  await page.getByLabel("API key").fill("thump_guess");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("Unknown API key").waitFor();
  await page.getByLabel("API key").fill(token());
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("requires an API key with the permission inspect").waitFor();
  await page.getByLabel("API key").fill(WATCHER);
  await page.getByRole("button", { name: "Sign in" }).click();
  await has(page, "connection", "live");
  await page.goto(`${server.url}/console#/room/team`);
  await page.locator("#data").fill("may I?");
  await page.getByRole("button", { name: "Publish" }).click();
  await has(page, "publish-result", "may not publish");
  await page.goto(`${server.url}/console#/sessions`);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("API key").fill(MASTER);
  await page.getByRole("button", { name: "Sign in" }).click();
  await rows(page, "sessions").getByText("ann").waitFor();
  await has(page, "connection", "live");
  // The key is stored only in this tab, neither permanently nor in a URL.
  const kept = await page.evaluate(
    "[Object.values(sessionStorage), Object.values(localStorage), document.cookie]",
  );
  expect(kept).toEqual([[MASTER], [], ""]);
  expect(page.url()).not.toContain(MASTER);
  await page.reload();
  await has(page, "connection", "live");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("API key").waitFor();
  expect(await page.evaluate("Object.values(sessionStorage)")).toEqual([]);
});

inBrowser("a room among 100,000 is found by a part of its name, by a pattern, and by paging", async () => {
  const server = startServer({ console: true });
  for (let i = 0; i < 100_000; i++) await server.thump.publish(`room:${i}`, 1);
  const { page, errors } = await openConsole(server.url, "#/rooms?sort=name");
  await has(page, "range", "1–100 of 100,000");
  await page.getByRole("link", { name: "Next" }).click();
  await has(page, "range", "101–200 of 100,000");
  await page.locator("#search").pressSequentially("m:7654");
  await has(page, "range", "1–11 of 11");
  expect(await rows(page, "rooms").allInnerTexts()).toHaveLength(11);
  await page.locator("#search").fill("room:*999");
  await has(page, "range", "1–100 of 100");
  await page.locator("#search").fill("no such room");
  await page.getByText("No room matches.").waitFor();
  await page.goBack();
  await has(page, "range", "1–100 of 100,000");
  expect(errors).toEqual([]);
});

inBrowser("the console reports that the server is down, and continues when it is back", async () => {
  const first = startServer({ console: true });
  const { page } = await openConsole(first.url);
  await has(page, "connection", "live");
  await first.stop();
  await has(page, "connection", /reconnecting|connecting/);
  await page.getByRole("link", { name: "Rooms" }).click();
  await page.getByRole("alert").getByText("does not respond").waitFor();
  const second = startServer({ console: true, port: first.port });
  await second.thump.publish("new here", 1);
  await rows(page, "rooms").getByText("new here").waitFor();
  await has(page, "connection", "live");
  expect(await page.getByRole("alert").count()).toBe(0);
});

inBrowser("in an app with the plugin, the console is under the prefix", async () => {
  const app = new Elysia().use(thump({ prefix: "/realtime", rooms: { "a:*": { lag: "latest" } } }));
  app.get("/console", () => "the app's own").listen({ hostname: "127.0.0.1", port: 0 });
  cleanup(() => app.stop(true));
  const url = `http://127.0.0.1:${app.server?.port}`;
  const { page, errors } = await openConsole(`${url}/realtime`, "#/rules");
  await has(page, "connection", "live");
  await rows(page, "rules").getByText("a:*").waitFor();
  expect(await (await fetch(`${url}/console`)).text()).toBe("the app's own");
  expect(errors).toEqual([]);
});

inBrowser(
  "every view fits a narrow screen, in light and dark mode, and works with the keyboard",
  async () => {
    const server = startServer({ console: true });
    const name = `${"a long name of a room ".repeat(8)}end`;
    await connect(server.socket(`/rooms/${encodeURIComponent(name)}`));
    const [id = ""] = server.thump.hub.sessions.keys();
    const options = { viewport: { width: 360, height: 740 }, isMobile: true, colorScheme: "dark" as const };
    const { pages, errors } = await openPages(`${server.url}/console`, 1, options);
    const page = pages[0] as Page;
    const views = [
      "#/",
      "#/rooms",
      `#/room/${encodeURIComponent(name)}`,
      "#/sessions",
      `#/session/${id}`,
      "#/rules",
    ];
    for (const view of views) {
      await page.goto(`${server.url}/console${view}`);
      await page.locator("main h1").waitFor();
      const spare = await page.evaluate(
        "document.documentElement.clientWidth - document.documentElement.scrollWidth",
      );
      expect([view, spare]).toEqual([view, 0]);
    }
    await page.goto(`${server.url}/console`);
    await page.locator("main h1").waitFor();
    for (let i = 0; i < 3; i++) await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Rooms" }).waitFor();
    expect(await page.evaluate("document.activeElement.tagName")).toBe("H1");
    expect(await page.title()).toBe("Rooms · Thump console");
    expect(errors).toEqual([]);
  },
);
