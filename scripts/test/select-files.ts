// Finds the test files, and reads from their imports which are long and which are quick.
import { join, relative } from "node:path";

export type Selection = "all" | "quick" | "long";

/** Files that mark a test as long, or as one that starts other programs, if a test imports them. */
const LONG = "test/support/long.ts";
const STARTS_PROGRAMS = [
  "test/support/process.ts",
  "test/support/redis.ts",
  "scripts/chromium.ts",
  "test/support/nginx.ts",
];

const transpilers = {
  ts: new Bun.Transpiler({ loader: "ts" }),
  tsx: new Bun.Transpiler({ loader: "tsx" }),
};

/** @param paths folders or files, relative to `root`. Without any, all files match. */
export async function selectFiles(root: string, paths: string[], selection: Selection): Promise<string[]> {
  const all = [...new Bun.Glob("test/**/*.test.{ts,tsx}").scanSync({ cwd: root })].toSorted();
  const matching = all.filter((file) => paths.length === 0 || paths.some((path) => file.startsWith(path)));
  if (selection === "all") return matching;
  const selected: string[] = [];
  for (const file of matching) {
    const imports = await importsOf(root, file);
    const isLong = imports.has(LONG);
    const isQuick = !isLong && !STARTS_PROGRAMS.some((path) => imports.has(path));
    if (selection === "long" ? isLong : isQuick) selected.push(file);
  }
  return selected;
}

/** The files of tests and scripts that a file imports, directly or through others. */
async function importsOf(root: string, file: string, found = new Set<string>()): Promise<Set<string>> {
  const text = await Bun.file(join(root, file)).text();
  for (const { path } of transpilers[file.endsWith("x") ? "tsx" : "ts"].scanImports(text)) {
    if (!path.startsWith(".")) continue;
    const imported = relative(root, join(root, file, "..", path));
    if (found.has(imported) || !/^(test|scripts|bench)\/.*\.tsx?$/.test(imported)) continue;
    found.add(imported);
    await importsOf(root, imported, found);
  }
  return found;
}
