// Which folder of src may import from which: dependencies run one way, and the heart is pure.
import { expect, test } from "bun:test";
import { dirname, join, relative } from "node:path";

const SRC = join(import.meta.dir, "../../src");
/** Each folder imports from itself and from those before it. */
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
/** These stand beside the line: whom they may import from, and who may import from them. */
const BESIDE: Record<string, { from: string[]; by: string[] }> = {
  client: { from: ["protocol"], by: ["console", "cli", "server"] },
  console: { from: ["protocol", "client"], by: ["server"] },
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
  /** Below src, with forward slashes. */
  path: string;
  text: string;
}

/** The code without its comments: what they name is not used. */
function code({ text }: Source): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|\s)\/\/.*$/gm, "");
}

function folderOf(path: string): string | undefined {
  return path.includes("/") ? path.split("/", 1)[0] : undefined;
}

function mayImport(from: string, to: string | undefined): boolean {
  if (from === to) return true;
  if (to === undefined) return false;
  if (BESIDE[from]) return BESIDE[from].from.includes(to);
  if (BESIDE[to]) return BESIDE[to].by.includes(from);
  return ORDER.includes(from) && ORDER.includes(to) && ORDER.indexOf(to) < ORDER.indexOf(from);
}

/** What runs against the arrow, one line each. */
function faults(sources: Source[]): string[] {
  return sources.flatMap((source) => {
    const folder = folderOf(source.path);
    // main.ts and index.ts put everything together.
    if (folder === undefined) return [];
    const found: string[] = [];
    const text = code(source);
    for (const [, specifier] of text.matchAll(/(?:from|import|require\()\s*\(?\s*"(\.[^"]*)"/g)) {
      const target = relative(SRC, join(SRC, dirname(source.path), specifier as string)).replaceAll(
        "\\",
        "/",
      );
      // Not code of src: package.json, for the version.
      if (target.startsWith("..")) continue;
      if (!mayImport(folder, folderOf(target))) found.push(`${source.path} imports ${target}`);
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

test("no import in src runs against the arrow, and what is pure is pure", async () => {
  const all = await sources();
  expect(all.length).toBeGreaterThan(30);
  expect(faults(all)).toEqual([]);
});

test("every folder of src has its place", async () => {
  const folders = new Set((await sources()).map(({ path }) => folderOf(path)));
  folders.delete(undefined);
  for (const folder of folders) expect([...ORDER, ...Object.keys(BESIDE)]).toContain(folder as string);
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
])("the checker finds fault with %s: %s", (path, text) => {
  expect(faults([{ path, text }])).toHaveLength(1);
});

test.each([
  "setTimeout(run, 1);",
  "Bun.serve({});",
  'import { connect } from "node:net";',
  'import { Elysia } from "elysia";',
  "const now = Date.now();",
])("the checker finds that this is not pure: %s", (text) => {
  expect(faults([{ path: "rooms/a.ts", text }]).length).toBeGreaterThan(0);
  expect(faults([{ path: "hub/a.ts", text }])).toEqual([]);
});

test.each([
  ["hub/a.ts", 'import { a } from "./b.ts"; import { c } from "../protocol/c.ts";'],
  ["rooms/a.ts", 'import { Type } from "typebox"; import { c } from "../protocol/c.ts";'],
  ["server/a.ts", 'import page from "../console/page.ts"; import pkg from "../../package.json";'],
  ["main.ts", 'import { start } from "./server/start.ts";'],
  ["rooms/a.ts", '// import { b } from "../server/b.ts"; setTimeout'],
])("the checker lets pass what %s may do: %s", (path, text) => {
  expect(faults([{ path, text }])).toEqual([]);
});
