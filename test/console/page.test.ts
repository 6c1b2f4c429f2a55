// The console page over HTTP: one complete response, a strict content security policy, and an option to disable the
// page.
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { problemOf } from "../support/answers.ts";
import { folder, runProcess, startFile, startProcess } from "../support/process.ts";
import { startServer } from "../support/server.ts";
import { SECRET } from "../support/tokens.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("base64");

test("the page is one response, whose policy allows only its own script and style", async () => {
  const { url } = startServer({ console: true });
  const response = await fetch(`${url}/console`);
  expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  const html = await response.text();
  const [, style = ""] = /<style>([\s\S]*?)<\/style>/.exec(html) ?? [];
  const [, script = ""] = /<script type="module">([\s\S]*?)<\/script>/.exec(html) ?? [];
  expect(script.length).toBeGreaterThan(10_000);
  expect(style.length).toBeGreaterThan(1000);
  const policy = response.headers.get("content-security-policy") ?? "";
  const directives = Object.fromEntries(policy.split("; ").map((part) => [part.split(" ", 1)[0], part]));
  expect(directives["default-src"]).toBe("default-src 'none'");
  expect(directives["script-src"]).toBe(`script-src 'sha256-${sha256(script)}'`);
  expect(directives["style-src"]).toBe(`style-src 'sha256-${sha256(style)}'`);
  expect(directives["connect-src"]).toBe("connect-src 'self'");
  expect(policy).toContain("frame-ancestors 'none'");
  // Nothing is loaded from other hosts.
  expect(/<(script|link|img|iframe)[^>]*\s(src|href)="(?!data:)/.exec(html)).toBeNull();
  expect(/@import|url\((?!"?data:)/.exec(style)).toBeNull();
});

test("a cached page is not sent again", async () => {
  const { url } = startServer({ console: true });
  const first = await fetch(`${url}/console`);
  const etag = first.headers.get("etag") ?? "";
  const again = await fetch(`${url}/console`, { headers: { "if-none-match": etag } });
  expect([again.status, await again.text()]).toEqual([304, ""]);
  const plain = await fetch(`${url}/console`, { headers: { "accept-encoding": "identity" } });
  expect(plain.headers.get("content-encoding")).toBeNull();
  expect(await plain.text()).toBe(await first.text());
});

test("the page is available with secrets too, and contains no data", async () => {
  const { url } = startServer({ console: true, access: { secrets: SECRET } });
  const response = await fetch(`${url}/console`);
  expect(response.status).toBe(200);
  expect(await response.text()).not.toContain(SECRET);
});

test("a bundled app contains the page", async () => {
  const index = join(import.meta.dir, "../../src/index.ts");
  const cwd = folder({
    "app.ts": `import { serve } from ${JSON.stringify(index)};
      console.log("it is on http://127.0.0.1:" + serve({ port: 0, log: "none", demo: false }).port);`,
  });
  const built = await Bun.build({
    entrypoints: [join(cwd, "app.ts")],
    target: "bun",
    outdir: join(cwd, "out"),
  });
  expect(built.success).toBe(true);
  const { url } = await startFile(join(cwd, "out", "app.js"), cwd);
  const html = await (await fetch(`${url}/console`)).text();
  // `toContain` is not used, because on failure it would print the whole page.
  for (const part of ["--look-a:", "session has never lagged"])
    expect([part, html.includes(part)]).toEqual([part, true]);
});

test("if disabled, neither the page nor its status rooms exist", async () => {
  const { url } = await startProcess(["--port", "0", "--no-console"]);
  expect(await problemOf(fetch(`${url}/console`))).toMatchObject({ status: 404 });
  const off = JSON.parse((await runProcess(["check"], { THUMP_CONSOLE: "0" })).out) as { console: boolean };
  expect(off.console).toBe(false);
});
