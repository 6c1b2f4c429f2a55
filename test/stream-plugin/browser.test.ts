// EventSource in a real browser: accepts gzip, reconnects, resumes, and stops at status 204.
import { expect } from "bun:test";
import { Elysia } from "elysia";
import { sse, streaming } from "../../src/stream-plugin/index.ts";
import { noBrowser } from "../../scripts/chromium.ts";
import { openPages } from "../support/browser.ts";
import { testIf } from "../support/skip.ts";
import { listen } from "./app.ts";

const PAGE = `<!doctype html><link rel="icon" href="data:,"><script>
  const events = [];
  const source = new EventSource("/steps");
  source.addEventListener("step", ({ data, lastEventId }) => events.push([lastEventId, data]));
</script>`;

testIf(noBrowser)(
  "an EventSource in Chromium resumes a compressed stream after each lost connection, up to the last event",
  async () => {
    const seen: (string | null)[] = [];
    const ids: (string | undefined)[] = [];
    const app = new Elysia()
      .use(streaming({ retry: 1 }))
      .get("/", () => new Response(PAGE, { headers: { "content-type": "text/html" } }))
      .get("/steps", ({ stream, headers, status }) => {
        if (headers["last-event-id"] === "9") return status(204);
        seen.push(headers["accept-encoding"] ?? null);
        return stream(async function* ({ lastNumber, lastEventId, wait }) {
          ids.push(lastEventId);
          for (let step = lastNumber + 1; step <= lastNumber + 3; step++) {
            yield sse({ id: step, event: "step", data: `step ${step}\n${"x".repeat(200)}` });
            await wait(5);
          }
        });
      });
    const { pages, errors } = await openPages(listen(app), 1);
    const page = pages[0]!;
    await page.waitForFunction("source.readyState === EventSource.CLOSED");
    const events = await page.evaluate("events");
    const data = (step: number) => `step ${step}\n${"x".repeat(200)}`;
    expect(events).toEqual(Array.from({ length: 9 }, (_, i) => [String(i + 1), data(i + 1)]));
    expect(ids).toEqual([undefined, "3", "6"]);
    expect(seen.every((accepted) => accepted?.includes("gzip"))).toBe(true);
    expect(errors).toEqual([]);
  },
  60_000,
);
