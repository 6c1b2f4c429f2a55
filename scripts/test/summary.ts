// Prints the summary of a run: slow files, skipped tests by reason, failed tests, and counts.
import type { FileResult } from "./run-file.ts";

const SLOWEST_FILES = 5;

/** @returns the exit code: 1 if a test failed, or was skipped without a reason */
export function printSummary(results: FileResult[], seed: number, elapsed: string): number {
  const sum = (of: (result: FileResult) => number) =>
    results.reduce((total, result) => total + of(result), 0);
  const cpu = sum(({ cpuSeconds }) => cpuSeconds);
  const slowest = results.toSorted((a, b) => b.seconds - a.seconds).slice(0, SLOWEST_FILES);
  console.log("\nslowest files");
  for (const { file, seconds, cpuSeconds } of slowest)
    console.log(`  ${file}  ${seconds.toFixed(1)} s, processor ${cpuSeconds.toFixed(1)} s`);

  const unexplained = printSkipped(results);
  const [played, total] = [sum(({ long }) => long.played), sum(({ long }) => long.total)];
  if (total > 0)
    console.log(
      `\nlong tests and schedule runs: ${played} of ${total} ran` +
        (played < total ? ", chosen by the seed; bun run test:full runs all of them" : ""),
    );
  const failedFiles = results.filter(({ failed }) => failed > 0);
  if (failedFiles.length > 0) console.log(`\nfailed; THUMP_SEED=${seed} repeats the random choices`);
  for (const { file, failures } of failedFiles) {
    console.log(`  ${file}`);
    for (const name of failures.length > 0 ? failures : ["(the file did not finish)"])
      console.log(`    ${name}`);
  }
  const [passed, failed, skipped] = [
    sum((result) => result.passed),
    sum((result) => result.failed),
    sum((result) => result.skipped.length),
  ];
  console.log(`\n ${passed} pass\n ${skipped} skip\n ${failed} fail`);
  console.log(`${results.length} files in ${elapsed}; processor time ${Math.round(cpu)} s`);
  return failed > 0 || unexplained > 0 ? 1 : 0;
}

/** @returns the number of tests that were skipped without a reason */
function printSkipped(results: FileResult[]): number {
  const byReason = Map.groupBy(
    results.flatMap(({ file, skipped }) => skipped.map((test) => ({ file, ...test }))),
    ({ reason }) => reason,
  );
  if (byReason.size > 0) console.log("\nskipped");
  for (const [reason, tests] of byReason) {
    console.log(`  ${reason ?? "WITHOUT A REASON: use testIf from test/support/skip.ts"} (${tests.length})`);
    for (const { file, name } of tests) console.log(`    ${file}: ${name}`);
  }
  return byReason.get(undefined)?.length ?? 0;
}
