// G1 to G4 over three nodes and one Redis, whatever breaks. THUMP_SEED and THUMP_RUNS choose others.
import { expect, test } from "bun:test";
import { noRedis } from "../support/redis.ts";
import { type Keeping, playCluster } from "./schedule.ts";
import { describeIf } from "../support/skip.ts";

const first = Number(process.env["THUMP_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const runs = Number(process.env["THUMP_RUNS"] ?? 1);
const WAYS: [Keeping, string][] = [
  ["always", "nothing is lost, repeated or out of order, and there is no gap"],
  ["everysec", "what Redis had not written is told as a gap before what follows it"],
  ["nothing", "what Redis lost is told as a gap, and nothing else is"],
];

describeIf(noRedis)("three nodes", () => {
  for (let i = 0; i < runs; i++) {
    for (const [keeping, name] of WAYS) {
      const seed = first + i;
      test(`${keeping}: ${name} (seed ${seed})`, async () => {
        const outcome = await playCluster(seed, 25, keeping);
        expect(outcome.received).toBeGreaterThan(0);
        console.log(`  seed ${seed}: ${JSON.stringify(outcome)}`);
      }, 120_000);
    }
  }
});
