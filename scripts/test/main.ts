// Runs the tests: `bun test` in one process per file, several files at a time, with progress and a summary.
//
//   bun scripts/test/main.ts [--quick | --long] [--share=<0 to 1>] [--jobs=<n>] [option of bun test ...] [path ...]
//
// --quick  only the files that start no other program and contain no long tests
// --long   only the files that contain long tests
// --share  the share of the long tests to run; 1 runs all of them, with servers started from source
// --jobs   the number of files that run at the same time
import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { compile } from "./compile.ts";
import { Progress } from "./progress.ts";
import { type FileResult, runFile } from "./run-file.ts";
import { selectFiles, startsEarly } from "./select-files.ts";
import { printSummary } from "./summary.ts";

const ROOT = join(import.meta.dir, "../..");
/** Stores how many seconds each file took in the last run, so that the slowest files start first. */
const TIMES = join(ROOT, "node_modules/.cache/thump-test-times.json");
/** The share of the long tests that `bun run test` runs. At least one runs in every file that contains long tests. */
const DEFAULT_SHARE = 0.02;
/** More jobs than processors, because many tests wait for a timer or for another process. */
const JOBS = availableParallelism() + 2;

const args = process.argv.slice(2);
const paths = args.filter((arg) => !arg.startsWith("-"));
const options = args.filter((arg) => arg.startsWith("-"));

/** Removes an option of this script from those for `bun test`. @returns the option's value, or "" if it is absent */
function take(name: string): string | undefined {
  const at = options.findIndex((option) => option === name || option.startsWith(`${name}=`));
  return at < 0 ? undefined : options.splice(at, 1)[0]?.slice(name.length + 1);
}

const isQuick = take("--quick") !== undefined;
const onlyLong = take("--long") !== undefined;
const share = Number(take("--share") ?? DEFAULT_SHARE);
const jobs = Number(take("--jobs") ?? JOBS);
if (!(share >= 0 && share <= 1) || !(jobs >= 1))
  throw new Error("--share must be from 0 to 1, and --jobs at least 1");
const seed = Number(process.env["THUMP_SEED"] ?? crypto.getRandomValues(new Uint32Array(1))[0]);

const times = (await Bun.file(TIMES)
  .json()
  .catch(() => ({}))) as Record<string, number>;
const files = await selectFiles(
  ROOT,
  paths.map((path) => relative(ROOT, resolve(path))),
  isQuick ? "quick" : onlyLong ? "long" : share === 1 ? "full" : "normal",
);
if (files.length === 0) throw new Error(`no test file matches ${paths.join(" ")}`);
const weight = (file: string) => times[file] ?? (startsEarly(file) ? 1000 : 0);
const waiting = files.toSorted((a, b) => weight(b) - weight(a));

console.log(
  `${files.length} files, ${jobs} at a time. THUMP_SEED=${seed} repeats the random choices of this run.`,
);
const env: Record<string, string | undefined> = {
  ...process.env,
  THUMP_SEED: String(seed),
  THUMP_TEST_SHARE: String(share),
};
if (!isQuick && share < 1) env["THUMP_BINARY"] ??= await compile(ROOT);
const progress = new Progress(files.length);
const results: FileResult[] = [];
const children = new Set<Bun.Subprocess>();
process.on("SIGINT", () => {
  for (const child of children) child.kill();
  process.exit(130);
});

async function work(): Promise<void> {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    progress.start(file);
    const result = await runFile(file, { cwd: ROOT, env, options, children });
    results.push(result);
    progress.finish(result);
  }
}

await Promise.all(Array.from({ length: jobs }, work));
progress.stop();
for (const { file, seconds } of results) times[file] = seconds;
mkdirSync(dirname(TIMES), { recursive: true });
await Bun.write(TIMES, JSON.stringify(times));
process.exitCode = printSummary(results, seed, progress.elapsed());
