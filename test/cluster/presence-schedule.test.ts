// Presence over three nodes and one Redis, whatever breaks: no ghosts, nobody missing. THUMP_SEED and THUMP_RUNS choose
// others, THUMP_STEPS their length.
import { test } from "bun:test";
import { schedules } from "../support/long.ts";
import { Random } from "../support/random.ts";
import { noRedis } from "../support/redis.ts";
import { describeIf } from "../support/skip.ts";
import { playCrowd } from "./presence-schedule.ts";

const steps = Number(process.env["THUMP_STEPS"] ?? 20);
const KINDS: [keeps: boolean, name: string][] = [
  [true, "after a Redis that keeps"],
  [false, "after a Redis that forgets"],
];

describeIf(noRedis)("presence on three nodes", () => {
  for (const { seed, kind } of schedules(10, KINDS)) {
    const [keeps, name] = kind;
    test(`everybody has who is there, ${name} (seed ${seed})`, async () => {
      const outcome = await playCrowd(new Random(seed), steps, keeps);
      console.log(`  seed ${seed}: ${JSON.stringify(outcome)}`);
    }, 120_000);
  }
});
