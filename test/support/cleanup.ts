// Closes what a test opened, at its end. Preloaded (bunfig.toml), so that its hooks apply to all test files.
import { afterAll, afterEach } from "bun:test";

const cleanups: (() => unknown)[] = [];

/** Runs at the end of the test that calls it, newest first. */
export function cleanup(run: () => unknown): void {
  cleanups.push(run);
}

const lastCleanups: (() => unknown)[] = [];

/** Runs after the last test of the process. */
export function cleanupAtEnd(run: () => unknown): void {
  lastCleanups.push(run);
}

afterAll(async () => {
  for (const run of lastCleanups.splice(0).reverse()) await run();
});

afterEach(async () => {
  for (const run of cleanups.splice(0).reverse()) await run();
});
