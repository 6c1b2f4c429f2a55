// Guarantees G1 to G4 on three nodes and one Redis during failures. THUMP_SEED and THUMP_RUNS select other schedules.
import { expect, test } from "bun:test";
import { schedules } from "../support/long.ts";
import { noRedis } from "../support/redis.ts";
import { describeIf } from "../support/skip.ts";
import { type Keeping, playCluster } from "./schedule.ts";

const WAYS: [Keeping, string][] = [
  ["always", "nothing is lost, repeated or out of order, and there is no gap"],
  ["everysec", "messages that Redis had not yet written are reported as a gap before the next message"],
  ["nothing", "only messages that Redis lost are reported as a gap"],
];

describeIf(noRedis)("three nodes", () => {
  for (const { seed, kind } of schedules(10, WAYS)) {
    const [keeping, name] = kind;
    test(`${keeping}: ${name} (seed ${seed})`, async () => {
      const outcome = await playCluster(seed, 25, keeping);
      expect(outcome.received).toBeGreaterThan(0);
      console.log(`  seed ${seed}: ${JSON.stringify(outcome)}`);
    }, 120_000);
  }
});
