// The console's page over HTTP: whole in one answer, closed to everything else, and off where it is switched off.
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { problemOf } from "../support/answers.ts";
import { folder, runProcess, startFile, startProcess } from "../support/process.ts";
import { startServer } from "../support/server.ts";
import { SECRET } from "../support/tokens.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("base64");

test("it is one page, whose policy lets run and apply just what is in it", async () => {
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
  // Nothing is loaded from anywhere.
  expect(/<(script|link|img|iframe)[^>]*\s(src|href)="(?!data:)/.exec(html)).toBeNull();
  expect(/@import|url\((?!"?data:)/.exec(style)).toBeNull();
});

test("who has it need not be sent it again", async () => {
  const { url } = startServer({ console: true });
  const first = await fetch(`${url}/console`);
  const etag = first.headers.get("etag") ?? "";
  const again = await fetch(`${url}/console`, { headers: { "if-none-match": etag } });
  expect([again.status, await again.text()]).toEqual([304, ""]);
  const plain = await fetch(`${url}/console`, { headers: { "accept-encoding": "identity" } });
  expect(plain.headers.get("content-encoding")).toBeNull();
  expect(await plain.text()).toBe(await first.text());
});

test("it is there with secrets too, and holds nothing itself", async () => {
  const { url } = startServer({ console: true, access: { secrets: SECRET } });
  const response = await fetch(`${url}/console`);
  expect(response.status).toBe(200);
  expect(await response.text()).not.toContain(SECRET);
});

test("in an app that was bundled it is part of the bundle", async () => {
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
  // Not `toContain`: what it says when it fails is the whole page.
  for (const part of ["--look-a:", "Came and went"])
    expect([part, html.includes(part)]).toEqual([part, true]);
});

test("switched off there is neither the page nor what it listens to", async () => {
  const { url } = await startProcess(["--port", "0", "--no-console"]);
  expect(await problemOf(fetch(`${url}/console`))).toMatchObject({ status: 404 });
  const off = JSON.parse((await runProcess(["check"], { THUMP_CONSOLE: "0" })).out) as { console: boolean };
  expect(off.console).toBe(false);
});
