// Takes a screenshot of a report page's headline charts in a real browser.
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { launch } from "./chromium.ts";

const [report, picture = new URL("../docs/bench.png", import.meta.url).pathname] = process.argv.slice(2);
if (report === undefined) {
  console.error("usage: bun scripts/bench-picture.ts bench/results/REPORT.html [PICTURE.png]");
  process.exit(2);
}

const browser = await launch();
const page = await browser.newPage({
  viewport: { width: 900, height: 700 },
  deviceScaleFactor: 2,
  colorScheme: "light",
});
await page.goto(pathToFileURL(resolve(report)).href);
const headline = page.locator("#headline");
if ((await headline.count()) === 0) {
  console.error(`${report} has no headline, because it does not contain a sweep.`);
  await browser.close();
  process.exit(1);
}
// Show the panels at full width, with an even margin.
await page.addStyleTag({ content: "#headline { padding: 1.25rem; margin: 0 -1.25rem; }" });
await headline.screenshot({ path: picture });
await browser.close();
console.log(`wrote ${picture}`);
