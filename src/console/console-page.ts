// The console page: one response that contains its script and style, bundled from `app/`.
import { createHash } from "node:crypto";
import { isAbsolute, join } from "node:path";
import index from "./app/index.html";
import { ICON } from "./icon.ts";

/** Bun's value for an HTML import: the path of the file, and in a bundle also the bundled files. */
interface Imported {
  index: string;
  files?: { path: string; loader: string; isEntry: boolean }[];
}

interface Page {
  html: string;
  packed: Uint8Array<ArrayBuffer>;
  etag: string;
  policy: string;
}

const TITLE = "Thump console";

type Parts = Awaited<ReturnType<typeof parts>>;
let bundled: Promise<Parts> | undefined;
const pages = new Map<boolean, Page>();

/**
 * Serves `/console`. The page contains no data. It requests all data with the user's own permissions.
 * @param takesKey true if an API key is required: the page then asks the user before its first request, because
 * browsers report a rejected request as an error
 */
export async function consolePage(request: Request, takesKey: boolean): Promise<Response> {
  const found = await (bundled ??= parts(index as unknown as Imported));
  const page = pages.get(takesKey) ?? createPage(found, takesKey);
  pages.set(takesKey, page);
  const { html, packed, etag, policy } = page;
  const headers: Record<string, string> = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-cache",
    "content-security-policy": policy,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    vary: "accept-encoding",
    etag,
  };
  if (request.headers.get("if-none-match") === etag) return new Response(null, { status: 304, headers });
  if (!/\bgzip\b/.test(request.headers.get("accept-encoding") ?? "")) return new Response(html, { headers });
  return new Response(packed, { headers: { ...headers, "content-encoding": "gzip" } });
}

function createPage({ script, style }: Parts, takesKey: boolean): Page {
  // `</script` is the only text that ends a script element. In JavaScript it can occur only in strings.
  const code = script.replaceAll("</script", "<\\/script");
  const html = `<!doctype html>
<html lang="en"${takesKey ? " data-takes-key" : ""}>
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>${TITLE}</title><link rel="icon" href="${ICON}">
<style>${style}</style>
</head>
<body><div id="app"><noscript>The console needs JavaScript.</noscript></div>
<script type="module">${code}</script>
</body>
</html>
`;
  const bytes = new TextEncoder().encode(html);
  return {
    html,
    packed: Bun.gzipSync(bytes),
    etag: `"${hash(html).slice(0, 22)}"`,
    // The page may connect only to its own server, and run only the script above.
    policy: [
      "default-src 'none'",
      `script-src 'sha256-${hash(code)}'`,
      `style-src 'sha256-${hash(style)}'`,
      "connect-src 'self'",
      "img-src data:",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join("; "),
  };
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}

/**
 * Returns the page's script and style. A bundle (the binary, or a bundled app with the plugin) contains them;
 * otherwise, Bun bundles them now.
 */
async function parts({ index: entry, files }: Imported): Promise<{ script: string; style: string }> {
  if (files) {
    const textOf = (loader: string) => {
      const path = files.find((file) => file.loader === loader)?.path ?? "";
      return Bun.file(isAbsolute(path) ? path : join(import.meta.dir, path)).text();
    };
    return { script: await textOf("js"), style: await textOf("css") };
  }
  // Bun bundles in other threads, so the server is not blocked.
  const { outputs } = await Bun.build({ entrypoints: [entry], target: "browser", minify: true });
  const textOf = (ending: string) => outputs.find(({ path }) => path.endsWith(ending))?.text() ?? "";
  return { script: await textOf(".js"), style: await textOf(".css") };
}
