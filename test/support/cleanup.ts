// What a test opened is closed at its end. Preloaded (bunfig.toml): a hook holds for the file that registers it
// only, and this one is to hold for all of them.
import { afterEach } from "bun:test";

const cleanups: (() => unknown)[] = [];

/** Runs at the end of the test that calls it, newest first. */
export function cleanup(run: () => unknown): void {
  cleanups.push(run);
}

afterEach(async () => {
  for (const run of cleanups.splice(0).reverse()) await run();
});
