// Guarantees G1, G2, G4 and G5 under random schedules on all transports. THUMP_SEED and THUMP_RUNS select other
// schedules.
import { expect, test } from "bun:test";
import { firstSeed, longRuns } from "../support/long.ts";
import { folder } from "../support/process.ts";
import { play } from "./schedule.ts";

const runs = longRuns(80);

for (let i = 0; i < runs; i++) {
  const seed = firstSeed + i;
  test(`nothing is lost, repeated or out of order (seed ${seed})`, async () => {
    const outcome = await play(seed, 80);
    expect(outcome.received).toBeGreaterThan(0);
    console.log(`  seed ${seed}: ${JSON.stringify(outcome)}`);
  }, 60_000);

  test(`nothing is lost with many rooms per session and the smallest slices (seed ${seed})`, async () => {
    const outcome = await play(seed, 60, { kind: "memory" }, true);
    expect(outcome.received).toBeGreaterThan(0);
    console.log(`  seed ${seed}, cut small: ${JSON.stringify(outcome)}`);
  }, 60_000);

  // Only every second seed also runs with restarts, because restarts are slow.
  if (i % 2 === 0) {
    test(`nothing is lost across restarts with messages stored in a file (seed ${seed})`, async () => {
      const outcome = await play(seed, 80, { kind: "sqlite", dir: folder() });
      expect(outcome.received).toBeGreaterThan(0);
      console.log(`  seed ${seed}, in a file: ${JSON.stringify(outcome)}`);
    }, 60_000);

    test(`nothing is lost across restarts with a file, many rooms and the smallest slices (seed ${seed})`, async () => {
      const outcome = await play(seed, 40, { kind: "sqlite", dir: folder() }, true);
      expect(outcome.received).toBeGreaterThan(0);
      console.log(`  seed ${seed}, in a file, cut small: ${JSON.stringify(outcome)}`);
    }, 60_000);
  }
}
