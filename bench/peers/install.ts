// `bun bench peers`: installs the servers to compare with, one after the other, whatever becomes of each.
import type { Installable } from "../adapter.ts";
import { type Output, Progress } from "../report/progress.ts";
import { installables } from "./native.ts";

export interface Installation {
  name: string;
  outcome: "installed" | "already there" | "cannot" | "failed";
  /** Why it cannot be installed, or the last lines of what failed. */
  reason?: string;
  seconds: number;
}

async function installOne(item: Installable, say: (line: string) => void): Promise<Installation> {
  const { name } = item;
  const began = performance.now();
  const result = (outcome: Installation["outcome"], reason?: string): Installation => ({
    name,
    outcome,
    ...(reason === undefined ? {} : { reason }),
    seconds: (performance.now() - began) / 1000,
  });
  try {
    if (item.installed()) return result("already there");
    const reason = item.blocked();
    if (reason !== undefined) return result("cannot", reason);
    await item.install(say);
    return result("installed");
  } catch (error) {
    return result("failed", error instanceof Error ? error.message : String(error));
  }
}

function describe({ name, outcome, reason, seconds }: Installation): string {
  if (outcome === "already there") return `– ${name}: already there`;
  if (outcome === "installed") return `✓ ${name}: installed in ${Math.max(1, Math.round(seconds))} s`;
  if (outcome === "cannot") return `– ${name}: cannot: ${reason}`;
  return `✗ ${name}: failed: ${reason}`;
}

/** @param log takes the line about each one; while one is built, a terminal shows what the build says */
export async function installPeers(
  log: (line: string) => void,
  items: Installable[] = installables,
  output: Output = process.stderr,
): Promise<Installation[]> {
  const progress = new Progress(items.length, output);
  const results: Installation[] = [];
  for (const item of items) {
    progress.begin(item.name);
    const result = await installOne(item, (line) => progress.say(line.trim()));
    progress.done();
    progress.close();
    results.push(result);
    log(describe(result));
  }
  return results;
}
