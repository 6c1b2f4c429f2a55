// The demo page, embedded as text so that the binary contains it.
import html from "./demo.html" with { type: "text" };

const page = html as unknown as string; // bun-types declares .html files only as bundles

/** Serves `/`. */
export function demoPage(): Response {
  return new Response(page, {
    headers: { "content-type": "text/html; charset=utf-8", "cache-control": "no-cache" },
  });
}
