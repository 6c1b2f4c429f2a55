// Checks that an attack harms no other session and leaves the server in its previous state.
import { expect } from "bun:test";
import { eventually } from "./answers.ts";
import { bystander } from "./bystander.ts";
import { metricsOf } from "./metrics.ts";
import type { TestServer } from "./server.ts";

/** Accepted memory growth of this process, which runs the server and its clients: above noise, far below a leak. */
const MAX_GROWTH_BYTES = 96 * 2 ** 20;

function resident(): number {
  Bun.gc(true);
  return process.memoryUsage.rss();
}

/**
 * Runs `harm` while a healthy session publishes and receives. Afterwards, the sessions must be the same as before,
 * memory must not have grown beyond a bound, and the server must not have reported an internal error.
 * @param harm must close everything that it opens and that the server does not close
 */
export async function unharmed(server: TestServer, harm: () => Promise<unknown>): Promise<void> {
  const other = await bystander(server, "bystander");
  await other.isWell();
  const { sessions } = server.thump.hub;
  const sessionsBefore = sessions.size;
  const before = resident();
  let done = false;
  const watch = async () => {
    while (!done) {
      await other.isWell();
      // Often enough that harm shows up, but not so often that the load matters.
      await Bun.sleep(10);
    }
  };
  const watching = watch();
  try {
    await Promise.race([harm(), watching.then(() => Promise.reject(new Error("the bystander is gone")))]);
  } finally {
    done = true;
  }
  await watching;
  await eventually(() => sessions.size === sessionsBefore);
  await other.isWell();
  // The allocator returns pages some time after they were freed.
  await eventually(() => resident() - before < MAX_GROWTH_BYTES);
  const metrics = await metricsOf(server);
  const counted = metrics.samples.filter(({ name }) => name === "thump_sessions");
  expect(counted.reduce((sum, { value }) => sum + value, 0)).toBe(sessionsBefore);
  expect(metrics.of("thump_rejects_total", { code: "internal" })).toBe(0);
  expect(server.thump.hub.sessionsByAddress.size).toBe(0);
}
