// Presence over three nodes and one Redis, whatever breaks: no ghosts, nobody missing.

import { randomTest } from "../support/random.ts";
import { noRedis } from "../support/redis.ts";
import { playCrowd } from "./presence-schedule.ts";
import { describeIf } from "../support/skip.ts";

const steps = Number(process.env["THUMP_STEPS"] ?? 20);

describeIf(noRedis)("presence on three nodes", () => {
  for (const [keeps, name] of [
    [true, "after a Redis that keeps"],
    [false, "after a Redis that forgets"],
  ] as const)
    randomTest(
      `everybody has who is there, ${name}`,
      async (random) =>
        console.log(`  seed ${random.seed}: ${JSON.stringify(await playCrowd(random, steps, keeps))}`),
      120_000,
    );
});
