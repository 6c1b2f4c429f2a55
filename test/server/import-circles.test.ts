// There are no import cycles in src: each file can be read and tested after the files that it imports.
import { expect, test } from "bun:test";
import { dirname, join, relative } from "node:path";

const SRC = join(import.meta.dir, "../../src");

/** Allowed cycles of type-only imports, each with its reason. A cycle may consist of only some of an entry's files. */
const ALLOWED: { files: string[]; reason: string }[] = [
  {
    files: ["hub/room.ts", "hub/session.ts"],
    reason: "two sides of one relation: a room has members, and a member refers to its session and its room",
  },
  {
    files: [
      "service/authorize-joins.ts",
      "service/publish.ts",
      "service/recheck.ts",
      "service/room-service.ts",
    ],
    reason: "the service's longer operations are functions in separate files, which take the service",
  },
];

/** Each file's imports: all of them, and those that exist at run time. */
interface Imports {
  all: Map<string, string[]>;
  runtime: Map<string, string[]>;
}

/** Matches an import or export with a relative path. The clause before `from` tells whether it imports only types. */
const IMPORT = /(?:^|[;\s])(?:import|export)\s+([^"';]*?)(?:\s*from\s*)?"(\.[^"]*)"|import\(\s*"(\.[^"]*)"/g;

function isTypeOnly(clause: string): boolean {
  if (/^type\b/.test(clause)) return true;
  const names = /^\{([\s\S]*)\}$/.exec(clause.trim())?.[1];
  return (
    names
      ?.split(",")
      .map((name) => name.trim())
      .filter(Boolean)
      .every((name) => name.startsWith("type ")) ?? false
  );
}

function importsOf(sources: ReadonlyMap<string, string>): Imports {
  const imports: Imports = { all: new Map(), runtime: new Map() };
  for (const [path, text] of sources) {
    const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|\s)\/\/.*$/gm, "");
    const all: string[] = [];
    const runtime: string[] = [];
    for (const [, clause = "", specifier, dynamic] of code.matchAll(IMPORT)) {
      const target = relative(SRC, join(SRC, dirname(path), specifier ?? (dynamic as string)));
      all.push(target.replaceAll("\\", "/"));
      if (!isTypeOnly(clause)) runtime.push(target.replaceAll("\\", "/"));
    }
    imports.all.set(path, all);
    imports.runtime.set(path, runtime);
  }
  return imports;
}

/** Groups of files that import each other, directly or indirectly (Tarjan's algorithm). */
function circles(imports: ReadonlyMap<string, string[]>): string[][] {
  const found: string[][] = [];
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const visit = (file: string): number => {
    order.set(file, order.size);
    let low = order.size - 1;
    stack.push(file);
    for (const target of imports.get(file) ?? []) {
      if (!order.has(target)) low = Math.min(low, visit(target));
      else if (stack.includes(target))
        low = Math.min(low, lowest.get(target) ?? (order.get(target) as number));
      if (target === file) found.push([file]);
    }
    lowest.set(file, low);
    if (low === order.get(file)) {
      const group = stack.splice(stack.indexOf(file));
      if (group.length > 1) found.push(group.toSorted());
    }
    return low;
  };
  for (const file of imports.keys()) if (!order.has(file)) visit(file);
  return found;
}

function notAllowed(groups: string[][]): string[][] {
  return groups.filter((group) => !ALLOWED.some(({ files }) => group.every((file) => files.includes(file))));
}

async function sources(): Promise<Map<string, string>> {
  const paths = await Array.fromAsync(new Bun.Glob("**/*.{ts,tsx}").scan(SRC));
  const texts = await Promise.all(paths.map((path) => Bun.file(join(SRC, path)).text()));
  return new Map(paths.map((path, i) => [path.replaceAll("\\", "/"), texts[i] as string]));
}

test("no file in src imports itself at run time, directly or indirectly", async () => {
  const { runtime } = importsOf(await sources());
  expect(runtime.size).toBeGreaterThan(30);
  expect(circles(runtime)).toEqual([]);
});

test("every cycle of type-only imports is on the list", async () => {
  const { all } = importsOf(await sources());
  expect(notAllowed(circles(all))).toEqual([]);
});

test("every entry on the list is needed, and is a cycle within one folder", async () => {
  const groups = circles(importsOf(await sources()).all);
  for (const { files, reason } of ALLOWED) {
    expect(groups).toContainEqual(files.toSorted());
    expect(new Set(files.map((file) => file.split("/", 1)[0])).size).toBe(1);
    expect(reason).not.toBe("");
  }
});

test.each<[string, Record<string, string>, string[][], string[][]]>([
  [
    "a pair",
    { "a.ts": 'import { b } from "./b.ts";', "b.ts": 'import { a } from "./a.ts";' },
    [["a.ts", "b.ts"]],
    [["a.ts", "b.ts"]],
  ],
  [
    "types one way",
    { "a.ts": 'import type { B } from "./b.ts";', "b.ts": 'import { a } from "./a.ts";' },
    [["a.ts", "b.ts"]],
    [],
  ],
  [
    "inline types",
    { "a.ts": 'import { type B, type C } from "./b.ts";', "b.ts": 'export * from "./a.ts";' },
    [["a.ts", "b.ts"]],
    [],
  ],
  [
    "a mixed clause",
    { "a.ts": 'import {\n  b,\n  type C,\n} from "./b.ts";', "b.ts": 'export * from "./a.ts";' },
    [["a.ts", "b.ts"]],
    [["a.ts", "b.ts"]],
  ],
  [
    "three files",
    {
      "a.ts": 'import "./x/b.ts";',
      "x/b.ts": 'await import("./c.ts")',
      "x/c.ts": 'import { a } from "../a.ts";',
    },
    [["a.ts", "x/b.ts", "x/c.ts"]],
    [["a.ts", "x/b.ts", "x/c.ts"]],
  ],
  ["a file that imports itself", { "a.ts": 'import { a } from "./a.ts";' }, [["a.ts"]], [["a.ts"]]],
  [
    "a diamond",
    {
      "a.ts": 'import "./b.ts"; import "./c.ts";',
      "b.ts": 'import "./d.ts";',
      "c.ts": 'import "./d.ts";',
      "d.ts": "",
    },
    [],
    [],
  ],
  ["a comment", { "a.ts": '// import { b } from "./b.ts";', "b.ts": 'import { a } from "./a.ts";' }, [], []],
])("the checker finds the cycles in %s", (_, files, all, runtime) => {
  const imports = importsOf(new Map(Object.entries(files)));
  expect(circles(imports.all)).toEqual(all);
  expect(circles(imports.runtime)).toEqual(runtime);
});
