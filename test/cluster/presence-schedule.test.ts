// Presence over three nodes and one Redis, whatever breaks: no ghosts, nobody missing.
import { describe } from "bun:test";
import { randomTest } from "../support/random.ts";
import { hasRedis, withRedis } from "../support/redis.ts";
import { playCrowd } from "./presence-schedule.ts";

const steps = Number(process.env["THUMP_STEPS"] ?? 20);

describe.skipIf(!hasRedis)(`presence on three nodes${withRedis}`, () => {
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
