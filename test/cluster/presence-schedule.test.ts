// Presence on three nodes and one Redis during failures: no user is missing or wrongly reported. THUMP_SEED and
// THUMP_RUNS select other schedules; THUMP_STEPS sets their length.
import { test } from "bun:test";
import { schedules } from "../support/long.ts";
import { Random } from "../support/random.ts";
import { noRedis } from "../support/redis.ts";
import { describeIf } from "../support/skip.ts";
import { playPresence } from "./presence-schedule.ts";

const steps = Number(process.env["THUMP_STEPS"] ?? 20);
const KINDS: [keeps: boolean, name: string][] = [
  [true, "although Redis restarts, without losses"],
  [false, "although Redis restarts and loses everything"],
];

describeIf(noRedis)("presence on three nodes", () => {
  for (const { seed, kind } of schedules(10, KINDS)) {
    const [keeps, name] = kind;
    test(`every node and client has the actual presence ${name} (seed ${seed})`, async () => {
      const outcome = await playPresence(new Random(seed), steps, keeps);
      console.log(`  seed ${seed}: ${JSON.stringify(outcome)}`);
    }, 120_000);
  }
});
