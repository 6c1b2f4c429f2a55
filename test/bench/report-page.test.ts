// The report page is complete, marks every row that is not sound, and escapes all data.
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pageHtml, writePage } from "../../bench/report/page.ts";
import type { Report, Row } from "../../bench/results.ts";
import { launch, noBrowser } from "../../scripts/chromium.ts";
import { cleanup } from "../support/cleanup.ts";
import { idleOf, kneeOf, reportOf, resumeOf, rowOf, scenarioOf, slowOf, windowOf } from "./support.ts";
import { testIf } from "../support/skip.ts";

const EVIL = `</script><script>alert("out")</script><img src=x onerror=alert(1)>`;
const knee = (rate: number, lost = 0) => kneeOf(windowOf({ rate, p99: 80, faults: { lost } }));

function report(rows: Row[], options: Partial<Report> = {}): Report {
  const scenarios = [
    scenarioOf("ws-knee", "knee"),
    scenarioOf("idle-ws", "idle"),
    scenarioOf("resume", "resume"),
    scenarioOf("slow", "slow"),
  ];
  return reportOf(scenarios, rows, options);
}

const everything = [
  rowOf("ws-knee", "control", knee(4_000), knee(4_100)),
  rowOf("ws-knee", "thump", knee(3_900), knee(4_050)),
  { ...rowOf("ws-knee", "peer"), skipped: "not installed: bun bench peers" },
  rowOf("idle-ws", "thump", idleOf(2_048)),
  rowOf("resume", "thump", resumeOf(2)),
  rowOf("slow", "thump", slowOf(5, 6)),
];

/** The visible text, without scripts and styles. */
function visible(page: string): string {
  return page.replaceAll(/<(script|style)\b[\s\S]*?<\/\1>/g, "");
}

test("a skipped server is on the page, with the reason", async () => {
  const text = visible(await pageHtml(report(everything)));
  expect(text).toContain("Peer 1.2 on Node");
  expect(text.match(/skipped: not installed: bun bench peers/g)).toHaveLength(2);
});

test("a faulty row is marked in the bars and the table, and has no ratio", async () => {
  const sound = visible(await pageHtml(report(everything)));
  expect(sound).not.toContain('class="badge');
  expect(sound).toContain("0.98× control");
  const faulty = everything.map((row) =>
    row.scenario === "ws-knee" && row.server === "thump" ? { ...row, results: [knee(9_000, 7)] } : row,
  );
  const text = visible(await pageHtml(report(faulty)));
  expect(text.match(/class="badge fault"/g)).toHaveLength(2);
  expect(text.match(/7 lost/g)?.length).toBeGreaterThanOrEqual(2);
  expect(text).toMatch(/<li class="bar look-thump void">/);
  expect(text).not.toMatch(/\d× control/);
  // The faulty row does not set the scale for the others.
  expect(text).toMatch(/<li class="bar look-base ">[\s\S]*?width:98\.78%/);
});

test("data can neither close a script nor become markup", async () => {
  const rows = [{ ...rowOf("ws-knee", "peer"), skipped: EVIL }, rowOf("ws-knee", EVIL, knee(100))];
  const scenarios = [{ ...scenarioOf("ws-knee", "knee"), title: EVIL }];
  const page = await pageHtml(
    reportOf(scenarios, rows, { command: EVIL, versions: { [EVIL]: EVIL }, pinned: EVIL }),
  );
  expect(page).not.toContain(EVIL);
  expect(page.match(/<script\b/g)).toHaveLength(3);
  expect(page.match(/<\/script/g)).toHaveLength(3);
  expect(page).not.toContain("<img");
});

test("the page contains the whole results file", async () => {
  const original = report(everything);
  const page = await pageHtml(original);
  const data = /<script type="application\/json" id="report">([\s\S]*?)<\/script>/.exec(page)?.[1];
  expect(JSON.parse(data ?? "")).toEqual(JSON.parse(JSON.stringify(original)));
});

test("a scenario that was not measured has no section", async () => {
  const text = visible(await pageHtml(reportOf([scenarioOf("idle-ws", "idle")], [everything[3] as Row])));
  expect(text).toContain('id="memory"');
  for (const id of ["headline", "latency", "slow", "resume"]) expect(text).not.toContain(`id="${id}"`);
});

test("the headline has two sweeps, however many were measured", async () => {
  const names = ["ws", "sse", "rooms", "in"];
  const scenarios = names.map((name) => ({
    ...scenarioOf(name, "knee"),
    subscribers: name === "in" ? 1 : 1_000,
  }));
  const text = visible(
    await pageHtml(
      reportOf(
        scenarios,
        names.map((name) => rowOf(name, "thump", knee(100))),
      ),
    ),
  );
  const headed = (id: string) =>
    [
      ...(text.split(`<section id="${id}">`)[1]?.split("</section>")[0] ?? "").matchAll(/<h3>What (\w+)/g),
    ].map(([, name]) => name);
  expect(headed("headline")).toEqual(["ws", "sse"]);
  expect(headed("sweeps")).toEqual(["rooms"]);
  expect(headed("in")).toEqual(["in"]);
  expect(headed("latency")).toEqual(["ws", "sse", "rooms"]);
});

testIf(noBrowser)(
  "in a browser, the page draws its charts and loads nothing from the network",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "thump-page-"));
    cleanup(() => rm(folder, { recursive: true }));
    const path = join(folder, "report.html");
    await writePage(report(everything), path);
    const browser = await launch();
    cleanup(() => browser.close());
    const page = await browser.newPage({ viewport: { width: 390, height: 800 } });
    const requested: string[] = [];
    const errors: string[] = [];
    page.on("request", (request) => requested.push(request.url()));
    page.on("console", (message) => errors.push(message.text()));
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.goto(`file://${path}`);
    await page.locator("canvas").nth(2).waitFor();
    await page.locator(".plot").first().hover();
    await page.locator("#latency output").getByText(/\d/).first().waitFor();
    expect(await page.locator("canvas").count()).toBe(3);
    expect(await page.evaluate<number>("document.documentElement.scrollWidth")).toBe(390);
    expect(errors).toEqual([]);
    expect(requested.filter((url) => !url.startsWith("data:"))).toEqual([`file://${path}`]);
  },
  60_000,
);
