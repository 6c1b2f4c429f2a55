// Something hostile is done to a server: whoever else is there notices nothing, and afterwards all is as it was.
import { expect } from "bun:test";
import { eventually } from "./answers.ts";
import { bystander } from "./bystander.ts";
import { metricsOf } from "./metrics.ts";
import type { TestServer } from "./server.ts";

/** What a server and its clients, in this one process, may have grown by. Far more than noise, far less than a leak. */
const GROWTH = 96 * 2 ** 20;

function resident(): number {
  Bun.gc(true);
  return process.memoryUsage.rss();
}

/**
 * Does it, with a healthy session beside it that publishes and hears before, meanwhile and after.
 * Then the sessions are those that there were, memory is bounded, and nothing was a fault of the server's.
 * @param harm everything that it opens must be closed in the end, by the server or by itself
 */
export async function unharmed(server: TestServer, harm: () => Promise<unknown>): Promise<void> {
  const other = await bystander(server, "bystander");
  await other.isWell();
  const { sessions } = server.thump.hub;
  const there = sessions.size;
  const before = resident();
  let over = false;
  const watch = async () => {
    while (!over) {
      await other.isWell();
      // Often enough, and not as a load of its own.
      await Bun.sleep(10);
    }
  };
  const watching = watch();
  try {
    await Promise.race([harm(), watching.then(() => Promise.reject(new Error("the bystander is gone")))]);
  } finally {
    over = true;
  }
  await watching;
  await eventually(() => sessions.size === there);
  await other.isWell();
  // The allocator gives pages back a while after what was in them is gone.
  await eventually(() => resident() - before < GROWTH);
  const metrics = await metricsOf(server);
  const counted = metrics.samples.filter(({ name }) => name === "thump_sessions");
  expect(counted.reduce((sum, { value }) => sum + value, 0)).toBe(there);
  expect(metrics.of("thump_rejects_total", { code: "internal" })).toBe(0);
  expect(server.thump.hub.sessionsByAddress.size).toBe(0);
}
