// Long tests: `bun run test:full` plays all of them, `bun run test` a sample of each file that the seed chooses.
import { afterAll, test } from "bun:test";
import { Random } from "./random.ts";

/** From the runner. A file that `bun test` runs without the runner plays all of its long tests. */
const share = process.env["THUMP_TEST_SHARE"];
const FULL_SHARE = 1;
/** Without the runner: the share of a schedule's runs. */
const DEFAULT_RUN_SHARE = 0.1;

/** The seed of the run. Schedules take it and the numbers after it. */
export const firstSeed = Number(process.env["THUMP_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

/** The number of runs of a random schedule, at least one. `test:full` plays `full` runs. THUMP_RUNS overrides it. */
export function longRuns(full: number): number {
  return Number(process.env["THUMP_RUNS"] ?? shareOf(full, Number(share ?? DEFAULT_RUN_SHARE)));
}

const shareOf = (count: number, part: number) => Math.max(1, Math.round(count * part));

/**
 * The runs of a random schedule that has several kinds, of which `test:full` plays `full` of each: a seed and a kind for
 * each run to play. A small sample does not play all kinds; which of them depends on the seed.
 */
export function schedules<K>(full: number, kinds: readonly K[]): { seed: number; kind: K }[] {
  const runs = process.env["THUMP_RUNS"];
  const count = runs
    ? Number(runs) * kinds.length
    : shareOf(full * kinds.length, Number(share ?? DEFAULT_RUN_SHARE));
  return Array.from({ length: count }, (_, i) => ({
    seed: firstSeed + Math.floor(i / kinds.length),
    kind: kinds[(firstSeed + i) % kinds.length] as K,
  }));
}

type LongTest = (name: string, run: () => void | Promise<void>, timeout?: number) => void;

/**
 * Registers the tests of a file that are long: those in the sample. At least one is.
 * @param count the number of long tests in the file; a different number is an error
 * @param register `test`, or what `testIf` returned
 */
export function longTests(count: number, register: LongTest = test): LongTest {
  const chosen = sample(count, shareOf(count, Number(share ?? FULL_SHARE)));
  let at = 0;
  console.log(`(long) ${chosen.size} of ${count}`);
  afterAll(() => {
    if (at !== count) throw new Error(`longTests(${count}): the file has ${at} long tests`);
  });
  return (name, run, timeout) => {
    if (chosen.has(at++)) register(name, run, timeout);
  };
}

/** `size` of the numbers below `count`. */
function sample(count: number, size: number): Set<number> {
  const random = new Random(firstSeed);
  const numbers = Array.from({ length: count }, (_, i) => i);
  return new Set(Array.from({ length: size }, () => numbers.splice(random.below(numbers.length), 1)[0] ?? 0));
}
