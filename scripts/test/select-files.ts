// Finds the test files, and determines from their imports which are long and which are quick.
import { join, relative } from "node:path";

/** `full` selects all files. The other selections exclude {@link FULL}. */
export type Selection = "full" | "normal" | "quick" | "long";

/** The folder with tests that run only in a full run or when their paths are given. */
const FULL = "test/full/";

/** A test file is long if it imports this module. */
const LONG = "test/support/long.ts";
/** A test file starts other programs if this pattern matches the file or one of its imports. */
const STARTS_PROGRAMS = /\bBun\.spawn|\bchromium\.launch\(/;

/** Files that take more than about 10 seconds, because they wait for Bun's timeouts or transfer a lot of data. */
const SLOW =
  /hostile|idle|lossless|every-limit|session-limit|local-request|rechecks|renew-token|status-rooms|stream\/event-stream|client\/tokens/;
/** Folders and files with tests that each start several programs. */
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

/** Returns the text of a file, and of every file in test, scripts and bench that it imports directly or indirectly. */
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
