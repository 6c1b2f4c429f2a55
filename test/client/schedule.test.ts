// The client delivers every message exactly once under random schedules on a bad network. THUMP_SEED and THUMP_RUNS
// select the schedules.
import { expect, test } from "bun:test";
import { firstSeed, longRuns } from "../support/long.ts";
import { play } from "./schedule.ts";

const runs = longRuns(40);

for (let i = 0; i < runs; i++) {
  const seed = firstSeed + i;
  test(`no message is lost, repeated, stored twice or out of order (seed ${seed})`, async () => {
    const outcome = await play(seed, 120);
    expect(outcome.received).toBeGreaterThan(outcome.published);
    console.log(`  seed ${seed}: ${JSON.stringify(outcome)}`);
  }, 60_000);
}
