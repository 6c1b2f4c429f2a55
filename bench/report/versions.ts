// Versions of the compared software, including Thump's commit.

function output(command: string[]): string | undefined {
  try {
    const { success, stdout } = Bun.spawnSync(command, { cwd: import.meta.dir, stderr: "ignore" });
    return success ? stdout.toString().trim() : undefined;
  } catch {
    return undefined; // The program is not installed.
  }
}

export function versions(): Record<string, string> {
  const commit = output(["git", "rev-parse", "--short", "HEAD"]);
  const changed = output(["git", "status", "--porcelain", "--untracked-files=no"]);
  const node = output(["node", "--version"]);
  return {
    ...(commit === undefined ? {} : { commit: changed ? `${commit} with changes` : commit }),
    bun: Bun.version,
    ...(node === undefined ? {} : { node }),
  };
}
