// `bun bench`: compares Thump, a bare control server and other servers in one run.
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Adapter } from "./adapter.ts";
import { help, readOptions, type Options } from "./options.ts";
import { type Baseline, checkOut, twinsOf } from "./peers/baseline.ts";
import { adapters } from "./peers/index.ts";
import { compareWithBaseline } from "./report/baseline.ts";
import { anySlower, compare } from "./report/compare.ts";
import { compareText } from "./report/compare-text.ts";
import { describe, machine } from "./report/machine.ts";
import { Progress } from "./report/progress.ts";
import { scenarioText } from "./report/tables.ts";
import { targetsText } from "./report/targets.ts";
import { versions } from "./report/versions.ts";
import type { Report } from "./results.ts";
import { killAll, pinning } from "./runner/children.ts";
import { measure, serversOf, unitsOf } from "./runner/measure.ts";
import type { Scenario } from "./scenarios.ts";

const method = `Server and generator are separate processes, each pinned to a core. Messages are sent at planned times, in a burst per
millisecond, and latency is measured from the planned time. Every delivery on every connection is checked for losses,
repeats, order and content. The knee is the highest rate at which every message is delivered without a fault and with a
p99 of at most 100 ms. Servers alternate. Figures are medians of the runs, with min–max below; histograms are merged.`;

type Run = Extract<Options, { command: "run" }>;

function infoOf({ name, title, kind, subscribers, size, base }: Scenario): Report["scenarios"][number] {
  return {
    name,
    title,
    kind,
    size,
    base,
    subscribers: subscribers.reduce((sum, { count }) => sum + count, 0),
  };
}

function emptyReport(options: Run, all: readonly Adapter[]): Report {
  const used = new Set(options.scenarios.flatMap((scenario) => serversOf(scenario, options.peers, all)));
  return {
    format: 1,
    machine: machine(),
    versions: versions(),
    pinned: pinning ?? true,
    command: ["bun bench", ...process.argv.slice(2)].join(" "),
    took: 0,
    scenarios: [],
    servers: all
      .filter((adapter) => used.has(adapter))
      .map(({ name, title, tier, settings, version, missing }) => {
        const installed = missing() === undefined ? version?.() : undefined;
        return { name, title, tier, settings, ...(installed === undefined ? {} : { version: installed }) };
      }),
    rows: [],
  };
}

async function run(options: Run): Promise<number> {
  const baseline = options.baseline === undefined ? undefined : await checkOut(options.baseline);
  const twins = baseline ? twinsOf(adapters, baseline) : [];
  const all = [...adapters, ...twins];
  const report = emptyReport(options, all);
  const began = performance.now();
  console.log(`${describe(report.machine)}\n${method}`);
  if (pinning !== undefined) console.log(`Note: ${pinning}.`);
  const units = options.scenarios.map((scenario) => unitsOf(scenario, options.peers, options.pace, all));
  progress = new Progress(units.reduce((sum, count) => sum + count, 0));
  for (const scenario of options.scenarios) {
    report.rows.push(...(await measure(scenario, options.peers, options.pace, progress, all)));
    const info = infoOf(scenario);
    report.scenarios.push(info);
    progress.close();
    console.log(`\n${scenarioText(report, info)}`);
  }
  report.took = (performance.now() - began) / 1000;
  await save(report, options);
  return baseline ? printBaselineComparison(report, twins, baseline) : 0;
}

/** Prints the differences from the baseline. Returns the exit code. */
function printBaselineComparison(report: Report, twins: Adapter[], { commit }: Baseline): number {
  const { differences, text } = compareWithBaseline(report, twins, commit);
  console.log(`\n${text}`);
  return anySlower(differences) ? 1 : 0;
}

async function save(report: Report, options: Run): Promise<void> {
  const stamp = report.machine.date.slice(0, 19).replaceAll(":", "-");
  const json = options.json ?? join("bench/results", `${stamp}.json`);
  const page = options.page ?? json.replace(/(\.json)?$/, ".html");
  for (const file of [json, page]) mkdirSync(dirname(file), { recursive: true });
  await Bun.write(json, `${JSON.stringify(report)}\n`);
  const { writePage } = await import("./report/page.ts");
  await writePage(report, page);
  console.log(`\n${targetsText(report)}\n\nresults: ${json}\nreport:  ${page}`);
}

async function compareFiles([old, newer]: [string, string]): Promise<number> {
  const [a, b] = await Promise.all([old, newer].map(async (file) => (await Bun.file(file).json()) as Report));
  const differences = compare(a!, b!);
  console.log(compareText(a!, b!, differences));
  return anySlower(differences) ? 1 : 0;
}

async function runBenchCommand(options: Options): Promise<number> {
  switch (options.command) {
    case "help":
      console.log(help);
      return 0;
    case "peers": {
      const { installPeers } = await import("./peers/install.ts");
      await installPeers((line) => console.log(line));
      return 0;
    }
    case "micro":
      await import("./micro/main.ts");
      return 0;
    case "durable": {
      const { durable } = await import("./durable.ts");
      await durable();
      return 0;
    }
    case "worst": {
      const { worst } = await import("./worst/main.ts");
      await worst(options.only);
      return 0;
    }
    case "compare":
      return compareFiles(options.files);
    case "run":
      return run(options);
  }
}

let progress: Progress | undefined;

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    progress?.close();
    killAll();
    process.exit(130);
  });

try {
  process.exitCode = await runBenchCommand(readOptions(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
// Leftover child processes would keep this process alive.
killAll();
process.exit();
