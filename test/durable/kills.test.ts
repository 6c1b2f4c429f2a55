// Guarantees G2, G3 and G4 across kill -9. THUMP_SEED and THUMP_RUNS set the seed and the number of kills.
import { expect } from "bun:test";
import { longRuns } from "../support/long.ts";
import { folder } from "../support/process.ts";
import { randomTest } from "../support/random.ts";
import { playKills } from "./kills.ts";

const kills = longRuns(60);

randomTest(
  `acknowledged messages survive kill -9, ${kills} times`,
  async (random) => {
    const outcome = await playKills(random, folder(), kills);
    console.log(`  seed ${random.seed}: ${JSON.stringify(outcome)}`);
    expect(outcome.acked).toBeGreaterThan(0);
  },
  60_000 + kills * 2000,
);
