// The files that the style check reads, by kind: all files that Git tracks or would add.
import { join } from "node:path";

export type Format = "source" | "markdown" | "hash" | "html";

export interface TextFile {
  /** Path from the root of the repository. */
  path: string;
  format: Format;
}

const FORMATS: readonly [pattern: RegExp, format: Format][] = [
  [/\.tsx?$/, "source"],
  [/\.md$/, "markdown"],
  [/\.html$/, "html"],
  [/\.(?:sh|bash|zsh|fish|py|ya?ml|toml)$|^\.ci\/run$|\.conf$/, "hash"],
];
/** Generated files and third-party files. */
const SKIPPED = /(?:^|\/)(?:node_modules|dist)\/|^bench\/(?:results|\.peers)\//;

/** @param within paths relative to the root; if empty, all files @throws Error if git fails */
export function textFiles(root: string, within: readonly string[]): TextFile[] {
  const command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ...within];
  const { stdout, exitCode, stderr } = Bun.spawnSync(command, { cwd: root });
  if (exitCode !== 0) throw new Error(stderr.toString());
  const paths = [...new Set(stdout.toString().split("\0"))].filter(
    (path) => path !== "" && !SKIPPED.test(path),
  );
  return paths.toSorted().flatMap((path) => {
    const format = FORMATS.find(([pattern]) => pattern.test(path))?.[1];
    return format !== undefined && Bun.file(join(root, path)).size > 0 ? [{ path, format }] : [];
  });
}
