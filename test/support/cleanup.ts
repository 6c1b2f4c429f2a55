// Cleanup at the end of a test. Preloaded (bunfig.toml), so that the hooks apply to all test files.
import { afterAll, afterEach } from "bun:test";

const cleanups: (() => unknown)[] = [];

/** Registers a function to run at the end of the current test. Functions run in reverse order of registration. */
export function cleanup(run: () => unknown): void {
  cleanups.push(run);
}

const lastCleanups: (() => unknown)[] = [];

/** Registers a function to run after the last test of the process. */
export function cleanupAtEnd(run: () => unknown): void {
  lastCleanups.push(run);
}

afterAll(async () => {
  for (const run of lastCleanups.splice(0).reverse()) await run();
});

afterEach(async () => {
  for (const run of cleanups.splice(0).reverse()) await run();
});
