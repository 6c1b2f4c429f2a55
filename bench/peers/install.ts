// `bun bench peers`: installs the compared servers, one after another. A failure does not stop the others.
import type { Installable } from "../adapter.ts";
import { type Output, Progress } from "../report/progress.ts";
import { installables } from "./native.ts";

export interface Installation {
  name: string;
  outcome: "installed" | "already installed" | "blocked" | "failed";
  /** The reason why the server cannot be installed, or the last output of the failed build. */
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
    if (item.installed()) return result("already installed");
    const reason = item.blocked();
    if (reason !== undefined) return result("blocked", reason);
    await item.install(say);
    return result("installed");
  } catch (error) {
    return result("failed", error instanceof Error ? error.message : String(error));
  }
}

function describe({ name, outcome, reason, seconds }: Installation): string {
  if (outcome === "already installed") return `– ${name}: already installed`;
  if (outcome === "installed") return `✓ ${name}: installed in ${Math.max(1, Math.round(seconds))} s`;
  if (outcome === "blocked") return `– ${name}: not available: ${reason}`;
  return `✗ ${name}: failed: ${reason}`;
}

/** @param log receives one line per server. During a build, a terminal shows the build's output. */
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
