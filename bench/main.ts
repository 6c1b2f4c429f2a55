// `bun bench`: compares Thump with a bare control, side by side, in one run.
import { fanoutTable } from "./report/fanout.ts";
import { idleTable } from "./report/idle.ts";
import { describe, machine } from "./report/machine.ts";
import { clearProgress, progress } from "./report/progress.ts";
import { help, readOptions, type Options } from "./options.ts";
import { killAll, pinning } from "./runner/children.ts";
import { measure, type Row } from "./runner/measure.ts";

const method = `The generator is another process: core 0 serves, core 1 generates. Messages leave at planned
times (a burst each millisecond), latency counts from the planned time, and every delivery is
checked for loss, repeats and order, and timed (one clock reading for what one read brought; sockets
are looked at every 0.2 ms). Medians of the runs, min–max below; a fresh server for each run.
rig: the generator (over 90 % of its core it may be the limit: rig-bound); others: the rest of the machine.`;

async function run(options: Options): Promise<void> {
  const here = machine();
  console.log(`${describe(here)}\n${method}`);
  if (pinning !== undefined) console.log(`Note: ${pinning}.`);
  const all: Row[] = [];
  for (const scenario of options.scenarios) {
    const rows = await measure(scenario, options, progress);
    clearProgress();
    if (rows.length === 0) continue;
    all.push(...rows);
    const text = scenario.kind === "fanout" ? fanoutTable(scenario, rows, all) : idleTable(scenario, rows);
    console.log(`\n${scenario.name}  ${scenario.title}\n${text}`);
  }
  if (options.json !== undefined) {
    const { seconds, runs } = options;
    const report = {
      machine: here,
      pinned: pinning === undefined,
      seconds,
      runs,
      rows: all,
    };
    await Bun.write(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
  }
}

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    killAll();
    clearProgress();
    process.exit(130);
  });

let options: Options | undefined;
try {
  options = readOptions(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(2);
}
if (options) await run(options);
else console.log(help);
process.exit(0);
