// An earlier build of Thump: checked out from Git, installed, and measured in the same run.
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Adapter } from "../adapter.ts";
import { bun, root } from "./javascript.ts";
import { main } from "./thump.ts";

const folder = join(root, "bench/.peers");

export interface Baseline {
  /** As given by the user: a branch, a tag or a commit. */
  ref: string;
  /** The full commit. */
  commit: string;
  /** The folder of the checkout. */
  path: string;
}

/**
 * Unpacks a commit of this repository and installs its dependencies. Reuses an existing checkout of the commit.
 * @throws if Git does not find the revision, or if the dependencies cannot be installed
 */
export async function checkOut(ref: string): Promise<Baseline> {
  const commit = (
    await run(["git", "rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`], root)
  ).trim();
  if (commit === "") throw new Error(`--baseline ${ref}: unknown Git revision`);
  const path = join(folder, `baseline-${commit.slice(0, 12)}`);
  if (!existsSync(path)) await unpack(commit, path);
  return { ref, commit, path };
}

/** Unpacks to a temporary folder and renames it, so that an interrupted checkout never looks complete. */
async function unpack(commit: string, path: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const unfinished = mkdtempSync(`${path}-`);
  try {
    const archive = join(unfinished, "archive.tar");
    await run(["git", "archive", "--output", archive, commit], root);
    await run(["tar", "-xf", archive], unfinished);
    rmSync(archive);
    await run([bun, "install", "--frozen-lockfile", "--production", "--silent"], unfinished);
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    throw error;
  }
}

async function run(command: string[], cwd: string): Promise<string> {
  const child = Bun.spawn(command, { cwd, stdout: "pipe", stderr: "pipe" });
  const [output, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  const code = await child.exited;
  // `rev-parse --quiet` fails without output. The caller then reports an unknown revision.
  if (code !== 0 && errors.trim() !== "") throw new Error(`${command.join(" ")}: ${errors.trim()}`);
  return output;
}

/** Returns a twin for every adapter that starts Thump from source. A twin starts the earlier build instead. */
export function twinsOf(adapters: readonly Adapter[], { ref, commit, path }: Baseline): Adapter[] {
  const short = commit.slice(0, 7);
  const oldMain = join(path, "src/main.ts");
  const old = (words: string[]) => words.map((word) => (word === main ? oldMain : word));
  return adapters
    .filter(({ source }) => source)
    .map((adapter) => ({
      ...adapter,
      name: `${adapter.name}@${short}`,
      title: `${adapter.title}, at ${ref}`,
      twin: adapter.name,
      version: () => short,
      command: async (port, into) => old(await adapter.command(port, into)),
    }));
}
