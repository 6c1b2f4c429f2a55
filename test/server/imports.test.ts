// Import directions between the folders of src, and the purity of the core folders.
import { expect, test } from "bun:test";
import { dirname, join, relative } from "node:path";

const SRC = join(import.meta.dir, "../../src");
/** A folder may import from itself and from earlier folders. */
const ORDER = [
  "protocol",
  "scheduling",
  "rooms",
  "log",
  "hub",
  "limits",
  "auth",
  "service",
  "transports",
  "server",
];
/**
 * Folders outside this order. `from` lists the folders that they may import, and `by` the folders or files that may
 * import them.
 */
const OUTSIDE_ORDER: Record<string, { from: string[]; by: string[] }> = {
  client: { from: ["protocol"], by: ["console", "cli", "server"] },
  console: { from: ["protocol", "client"], by: ["server"] },
  "stream-plugin": { from: ["protocol", "hub/content-coding.ts"], by: [] },
  cli: { from: [...ORDER, "client"], by: [] },
};
const PURE = ["protocol", "rooms"];
const IMPURE = [
  /\bset(Timeout|Interval|Immediate)\b/,
  /\bqueueMicrotask\b/,
  /\bDate\.now\b|\bnew Date\(\)/,
  /\bBun\.|from "bun"/,
  /from "node:/,
  /from "(?!typebox|\.)/,
  /\b(fetch|WebSocket|process)\b(?=[(.])/,
];

interface Source {
  /** Relative to src, with forward slashes. */
  path: string;
  text: string;
}

/** The code without comments, because examples in comments are not imports. */
function code({ text }: Source): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|\s)\/\/.*$/gm, "");
}

function folderOf(path: string): string | undefined {
  return path.includes("/") ? path.split("/", 1)[0] : undefined;
}

function mayImport(from: string, to: string | undefined): boolean {
  if (from === to) return true;
  if (to === undefined) return false;
  if (OUTSIDE_ORDER[from]) return OUTSIDE_ORDER[from].from.includes(to);
  if (OUTSIDE_ORDER[to]) return OUTSIDE_ORDER[to].by.includes(from);
  return ORDER.includes(from) && ORDER.includes(to) && ORDER.indexOf(to) < ORDER.indexOf(from);
}

/** Returns a line for each import in the wrong direction and for each piece of impure code. */
function faults(sources: Source[]): string[] {
  return sources.flatMap((source) => {
    const folder = folderOf(source.path);
    // main.ts and index.ts may import everything.
    if (folder === undefined) return [];
    const found: string[] = [];
    const text = code(source);
    for (const [, specifier] of text.matchAll(/(?:from|import|require\()\s*\(?\s*"(\.[^"]*)"/g)) {
      const target = relative(SRC, join(SRC, dirname(source.path), specifier as string)).replaceAll(
        "\\",
        "/",
      );
      // Outside of src, only package.json is imported, for the version.
      if (target.startsWith("..")) continue;
      const exempt = OUTSIDE_ORDER[folder]?.from.includes(target);
      if (!exempt && !mayImport(folder, folderOf(target))) found.push(`${source.path} imports ${target}`);
    }
    if (PURE.includes(folder)) {
      for (const impure of IMPURE) {
        const match = impure.exec(text);
        if (match) found.push(`${source.path} is not pure: ${match[0]}`);
      }
    }
    return found;
  });
}

async function sources(): Promise<Source[]> {
  const paths = await Array.fromAsync(new Bun.Glob("**/*.{ts,tsx}").scan(SRC));
  return Promise.all(
    paths.map(async (path) => ({
      path: path.replaceAll("\\", "/"),
      text: await Bun.file(join(SRC, path)).text(),
    })),
  );
}

test("no import in src goes in the wrong direction, and pure folders are pure", async () => {
  const all = await sources();
  expect(all.length).toBeGreaterThan(30);
  expect(faults(all)).toEqual([]);
});

test("every folder in src is listed", async () => {
  const folders = new Set((await sources()).map(({ path }) => folderOf(path)));
  folders.delete(undefined);
  for (const folder of folders) expect([...ORDER, ...Object.keys(OUTSIDE_ORDER)]).toContain(folder as string);
});

test.each([
  ["protocol/a.ts", 'import { b } from "../rooms/b.ts";'],
  ["rooms/a.ts", 'import type { Hub } from "../hub/hub.ts";'],
  ["hub/a.ts", 'export * from "../transports/b.ts";'],
  ["log/a.ts", 'const b = await import("../server/b.ts");'],
  ["auth/a.ts", 'import "../transports/b.ts";'],
  ["console/a.ts", 'import { hub } from "../hub/hub.ts";'],
  ["hub/a.ts", 'import page from "../console/page.ts";'],
  ["hub/deep/a.ts", 'import { b } from "../../server/b.ts";'],
  ["server/a.ts", 'import { x } from "../index.ts";'],
  ["limits/a.ts", 'import type { Principal } from "../auth/b.ts";'],
  ["hub/a.ts", 'import {\n  b,\n} from "../unknown/b.ts";'],
])("the checker rejects, in %s: %s", (path, text) => {
  expect(faults([{ path, text }])).toHaveLength(1);
});

test.each([
  "setTimeout(run, 1);",
  "Bun.serve({});",
  'import { connect } from "node:net";',
  'import { Elysia } from "elysia";',
  "const now = Date.now();",
])("the checker rejects impure code: %s", (text) => {
  expect(faults([{ path: "rooms/a.ts", text }]).length).toBeGreaterThan(0);
  expect(faults([{ path: "hub/a.ts", text }])).toEqual([]);
});

test.each([
  ["hub/a.ts", 'import { a } from "./b.ts"; import { c } from "../protocol/c.ts";'],
  ["rooms/a.ts", 'import { Type } from "typebox"; import { c } from "../protocol/c.ts";'],
  ["server/a.ts", 'import page from "../console/page.ts"; import pkg from "../../package.json";'],
  ["main.ts", 'import { start } from "./server/start.ts";'],
  ["rooms/a.ts", '// import { b } from "../server/b.ts"; setTimeout'],
])("the checker accepts, in %s: %s", (path, text) => {
  expect(faults([{ path, text }])).toEqual([]);
});
