// Builds the report page: one self-contained HTML file from a results file.
import { join } from "node:path";
import type { Report } from "../results.ts";
import type { Chart } from "./page/charts.ts";
import { dateOf, header, setup } from "./page/header.ts";
import { code, html, Html, json } from "./page/html.ts";
import { method } from "./page/method.ts";
import {
  headline,
  latency,
  memory,
  otherSweeps,
  publishing,
  slow,
  tables,
  targets,
} from "./page/sections.ts";

const here = join(import.meta.dir, "page");

async function styles(): Promise<Html> {
  const paths = [Bun.resolveSync("uplot/dist/uPlot.min.css", here), join(here, "style.css")];
  const texts = await Promise.all(paths.map((path) => Bun.file(path).text()));
  return new Html(texts.join("\n"));
}

/** Bundles uPlot and the page's script. */
async function script(): Promise<string> {
  const built = await Bun.build({
    entrypoints: [join(here, "browser/main.ts")],
    target: "browser",
    format: "iife",
    minify: true,
  });
  return (await built.outputs[0]?.text()) ?? "";
}

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 64 64'%3E%3Cg fill='%23d4521b'%3E%3Cellipse cx='24' cy='17' rx='6' ry='15' transform='rotate(-9 24 17)'/%3E%3Cellipse cx='40' cy='17' rx='6' ry='15' transform='rotate(9 40 17)'/%3E%3Ccircle cx='32' cy='38' r='14'/%3E%3C/g%3E%3C/svg%3E";
/** Content-Security-Policy: the page must not load any external resource. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

export async function pageHtml(report: Report): Promise<string> {
  const charts: Chart[] = [];
  const plain = tables(report);
  const main = html`${headline(report)} ${targets(report)} ${otherSweeps(report)} ${latency(report, charts)}
  ${plain} ${memory(report)} ${slow(report, charts)} ${publishing(report)} ${setup(report)} ${method()}`;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <title>Thump benchmark: ${dateOf(report)}</title>
        <link rel="icon" href="${ICON}" />
        <style>
          ${await styles()}
        </style>
      </head>
      <body>
        <div class="shell">
          ${header(report)}
          <main>${main}</main>
        </div>
        <script type="application/json" id="charts">
          ${json(charts)}
        </script>
        <script type="application/json" id="report">
          ${json(report)}
        </script>
        <script>
          ${code(await script())};
        </script>
      </body>
    </html>`;
  return `${page.text}\n`;
}

/** Writes the page and creates its folder if needed. */
export async function writePage(report: Report, path: string): Promise<void> {
  await Bun.write(path, await pageHtml(report));
}
