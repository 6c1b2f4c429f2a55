// Long tests: `bun run test:full` runs all of them, `bun run test` a seeded sample of each file.
import { afterAll, test } from "bun:test";
import { Random } from "./random.ts";

/** The share of long tests to run, set by the runner. Without the runner, all long tests of a file run. */
const share = process.env["THUMP_TEST_SHARE"];
const FULL_SHARE = 1;
/** The share of a schedule's runs to execute when the tests run without the runner. */
const DEFAULT_RUN_SHARE = 0.1;

/** The seed of the run. Schedules use this seed and the numbers after it. */
export const firstSeed = Number(process.env["THUMP_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

/** Returns how often to run a random schedule, at least once: `full` times in `test:full`. THUMP_RUNS overrides it. */
export function longRuns(full: number): number {
  const runs = Number(process.env["THUMP_RUNS"] ?? shareOf(full, Number(share ?? DEFAULT_RUN_SHARE)));
  report(runs, full);
  return runs;
}

/** Prints a file's counts, which the runner adds up. */
const report = (played: number, total: number) => console.log(`(long) ${played} of ${total}`);

const shareOf = (count: number, part: number) => Math.max(1, Math.round(count * part));

/**
 * Returns the runs of a random schedule that has several kinds: a seed and a kind for each run. `test:full` runs each
 * kind `full` times. A small sample contains only some of the kinds, selected by the seed.
 */
export function schedules<K>(full: number, kinds: readonly K[]): { seed: number; kind: K }[] {
  const runs = process.env["THUMP_RUNS"];
  const count = runs
    ? Number(runs) * kinds.length
    : shareOf(full * kinds.length, Number(share ?? DEFAULT_RUN_SHARE));
  report(count, full * kinds.length);
  return Array.from({ length: count }, (_, i) => ({
    seed: firstSeed + Math.floor(i / kinds.length),
    kind: kinds[(firstSeed + i) % kinds.length] as K,
  }));
}

type LongTest = (name: string, run: () => void | Promise<void>, timeout?: number) => void;

/**
 * Returns a function that registers a file's long tests. Only the sampled tests run, but always at least one.
 * @param count the number of long tests in the file; a different number is an error
 * @param register `test`, or the result of `testIf`
 */
export function longTests(count: number, register: LongTest = test): LongTest {
  const chosen = sample(count, shareOf(count, Number(share ?? FULL_SHARE)));
  let at = 0;
  report(chosen.size, count);
  afterAll(() => {
    if (at !== count) throw new Error(`longTests(${count}): the file has ${at} long tests`);
  });
  return (name, run, timeout) => {
    if (chosen.has(at++)) register(name, run, timeout);
  };
}

/** A random sample of `size` numbers below `count`. */
function sample(count: number, size: number): Set<number> {
  const random = new Random(firstSeed);
  const numbers = Array.from({ length: count }, (_, i) => i);
  return new Set(Array.from({ length: size }, () => numbers.splice(random.below(numbers.length), 1)[0] ?? 0));
}
