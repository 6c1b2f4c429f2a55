// Finds the test files, and reads from their imports which are long and which are quick.
import { join, relative } from "node:path";

/** `full` is all files. The others leave out {@link FULL}. */
export type Selection = "full" | "normal" | "quick" | "long";

/** The directory of tests that only a full run plays, or a run of their paths. */
const FULL = "test/full/";

/** A test file is long if it imports this. */
const LONG = "test/support/long.ts";
/** A test file starts other programs if this occurs in it, or in a file that it imports. */
const STARTS_PROGRAMS = /\bBun\.spawn|\bchromium\.launch\(/;

/** Files that take more than about 10 seconds: they wait for timeouts of Bun, or move much data. */
const SLOW =
  /hostile|idle|lossless|every-limit|session-limit|local-request|rechecks|renew-token|status-rooms|stream\/event-stream|client\/tokens/;
/** Directories and files whose tests start several programs each. */
const HEAVY = /cluster|browser|e2e|examples|bench\/|vanished|reload-live|aborted|tls/;

/** True for files that should start first, so that they do not run alone at the end. */
export const startsEarly = (file: string): boolean => SLOW.test(file) || HEAVY.test(file);

const transpilers = {
  ts: new Bun.Transpiler({ loader: "ts" }),
  tsx: new Bun.Transpiler({ loader: "tsx" }),
};

/** @param paths folders or files, relative to `root`. Without any, all files match. */
export async function selectFiles(root: string, paths: string[], selection: Selection): Promise<string[]> {
  const all = [...new Bun.Glob("test/**/*.test.{ts,tsx}").scanSync({ cwd: root })].toSorted();
  const matching = all.filter((file) =>
    paths.length === 0
      ? selection === "full" || !file.startsWith(FULL)
      : paths.some((path) => file.startsWith(path)),
  );
  if (selection === "full" || selection === "normal") return matching;
  const selected: string[] = [];
  for (const file of matching) {
    const texts = await readWithImports(root, file);
    const isLong = texts.has(LONG);
    const isQuick = !isLong && !SLOW.test(file) && !texts.values().some((text) => STARTS_PROGRAMS.test(text));
    if (selection === "long" ? isLong : isQuick) selected.push(file);
  }
  return selected;
}

/** The text of a file, and of those of tests, scripts and benchmarks that it imports, directly or through others. */
async function readWithImports(
  root: string,
  file: string,
  found = new Map<string, string>(),
): Promise<Map<string, string>> {
  const text = await Bun.file(join(root, file)).text();
  found.set(file, text);
  for (const { path } of transpilers[file.endsWith("x") ? "tsx" : "ts"].scanImports(text)) {
    const imported = relative(root, join(root, file, "..", path));
    if (!path.startsWith(".") || found.has(imported)) continue;
    if (/^(test|scripts|bench)\/.*\.tsx?$/.test(imported)) await readWithImports(root, imported, found);
  }
  return found;
}
