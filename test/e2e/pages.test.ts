// The server's pages load without errors in a real browser. Also covers the requests that pages of other origins may
// make.
import { expect } from "bun:test";
import { noBrowser } from "../../scripts/chromium.ts";
import type { Options } from "../../src/index.ts";
import { openPages } from "../support/browser.ts";
import { cleanup } from "../support/cleanup.ts";
import { startServer } from "../support/server.ts";
import { testIf } from "../support/skip.ts";
import { claims, SECRET, seconds, token } from "../support/tokens.ts";

const browserTest = testIf(noBrowser);

/** Each page, an element that appears when it has loaded, and the options of its server. */
const PAGES: [path: string, shown: string, options: Options][] = [
  ["/", '[data-testid="socket-state"]', { demo: true }],
  ["/console", "#app nav", { console: true }],
  ["/console", "#app input", { console: true, access: { secrets: SECRET } }],
  ["/openapi", "details", {}],
  ["/openapi", "details", { access: { secrets: SECRET } }],
];

for (const [path, shown, options] of PAGES)
  browserTest(
    `${path} has no error in the browser's console${options.access ? ", with a secret" : ""}`,
    async () => {
      const server = startServer(options);
      const { pages, errors } = await openPages(server.url + path, 1);
      const [page] = pages;
      await page?.locator(shown).first().waitFor();
      await page?.waitForLoadState("networkidle").catch(() => {
        // A page with a stream is never network-idle, but by now its initial requests have finished.
      });
      // Chromium requests the icon only when it displays the page, so the test requests the icon itself.
      const icon = await page?.evaluate<string>(`new Promise((resolve) => {
        const image = new Image();
        image.onload = () => resolve("loaded");
        image.onerror = () => resolve("failed");
        image.src = document.querySelector("link[rel=icon]")?.href ?? "/favicon.ico";
      })`);
      expect([icon, errors]).toEqual(["loaded", []]);
    },
    60_000,
  );

browserTest(
  "a page of a different origin can send a trace, and read an error and its retry time",
  async () => {
    const rates = { user: { publishes: { rate: 0.001, burst: 1 } } };
    const server = startServer({ access: { secrets: SECRET }, limits: { rates } });
    const page = await otherOrigin();
    const post = (credential: string) =>
      page.evaluate(
        async ([url, sent]) => {
          const response = await fetch(`${url}/rooms/r?token=${sent}`, {
            method: "POST",
            body: "1",
            headers: {
              "content-type": "application/json",
              "idempotency-key": crypto.randomUUID(),
              traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            },
          });
          const { code } = (await response.json()) as { code?: string };
          const { headers } = response;
          return [response.status, code, headers.get("retry-after"), headers.get("www-authenticate")];
        },
        [server.url, credential] as const,
      );
    const [status, code, , challenge] = await post(token(claims({ exp: seconds(-3600) })));
    expect([status, code, challenge]).toEqual([
      401,
      "unauthorized",
      expect.stringContaining("invalid_token"),
    ]);
    const good = token();
    expect((await post(good))[0]).toBe(201);
    const [late, why, retry] = await post(good);
    expect([late, why, Number(retry) > 0]).toEqual([429, "rate", true]);
    const large = await page.evaluate(
      async ([url, sent]) => {
        const body = "x".repeat(6 << 20);
        const response = await fetch(`${url}/rooms/r?token=${sent}`, { method: "POST", body });
        return [response.status, ((await response.json()) as { code: string }).code];
      },
      [server.url, token(claims({ sub: "u8" }))] as const,
    );
    expect(large).toEqual([413, "too-large"]);
  },
  60_000,
);

/** A page on a different local port. The server allows the page's origin. */
async function otherOrigin() {
  const site = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () =>
      new Response("<!doctype html><title>other</title>", { headers: { "content-type": "text/html" } }),
  });
  cleanup(() => site.stop(true));
  const { pages } = await openPages(`http://127.0.0.1:${site.port}/`, 1);
  const [page] = pages;
  if (!page) throw new Error("no page");
  return page;
}
