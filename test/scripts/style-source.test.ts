// The style check on TypeScript: comments, strings, JSX, test names, types and doc comments, read from syntax trees.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SourceFile } from "typescript/unstable/ast";
import { API, type Project } from "typescript/unstable/async";
import { undocumented } from "../../scripts/style/public-api.ts";
import { sourcePassages } from "../../scripts/style/source.ts";
import { duplicateTypes } from "../../scripts/style/structure.ts";
import { wording } from "../../scripts/style/wording.ts";

const FILES = {
  "tsconfig.json": '{ "compilerOptions": { "strict": true, "jsx": "preserve" }, "include": ["src"] }',
  "src/texts.ts": [
    "// Nobody is idle",
    "// in the room.",
    "const url = 'http://nobody'; const regex = /\\/\\/ nobody/; // whoever",
    "/**",
    " * Stops.",
    " * @param most whoever waits",
    " */",
    "export function stop(most: string) {",
    "  throw new Error(`so many of ${most /* nobody */} are lagging`);",
    "}",
    'stop("SELECT nobody FROM rooms WHERE x");',
  ].join("\n"),
  "src/page.tsx": 'export const page = <p title="nobody reads">Don\'t let <b>go</b> and wait // nobody</p>;',
  "src/named.test.ts":
    'declare function test(name: string, body: () => void): void;\ntest("nobody waits", () => void "nobody at all");',
  "src/a.ts": "interface Same {}\nexport class Other {}\nexport type { Same };",
  "src/b.ts": "export type Same = string;",
  "src/deep/c.ts": "export type Same = string;",
  "src/index.ts": [
    "/** Options of the server. */",
    "export interface Options {",
    "  /** Documented. */",
    "  a: string;",
    "  b: string;",
    "  /** Limits. */",
    "  limits: { rooms: number };",
    "}",
    "/** A server. */",
    "export class Server {",
    "  #hidden = 1;",
    "  private secret = this.#hidden;",
    "  /** Stops the server. */",
    "  stop() { return this.secret; }",
    "  open() {}",
    "}",
    "export const VERSION = 1;",
  ].join("\n"),
};

let root: string;
let api: API;
let project: Project;
const sources = new Map<string, SourceFile>();

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "style-"));
  await mkdir(join(root, "src/deep"), { recursive: true });
  for (const [path, text] of Object.entries(FILES)) await Bun.write(join(root, path), text);
  api = new API({ cwd: root });
  const snapshot = await api.updateSnapshot({ openProjects: [join(root, "tsconfig.json")] });
  project = snapshot.getProject(join(root, "tsconfig.json"))!;
  for (const path of Object.keys(FILES)) {
    const source = await project.program.getSourceFile(join(root, path));
    if (source !== undefined) sources.set(path, source);
  }
});

afterAll(async () => {
  await api.close();
  await rm(root, { recursive: true });
});

function found(path: string, options: { strings: boolean; tests: boolean }): string[] {
  const findings = wording(path, sourcePassages(sources.get(path)!, options), { allowed: [] });
  return findings.map(({ line, rule }) => `${line} ${rule}`).toSorted();
}

test("comments and messages are found; addresses, patterns and SQL are not", () => {
  expect(found("src/texts.ts", { strings: true, tests: false })).toEqual([
    "1 somebody",
    "3 somebody",
    "6 somebody",
    "9 how-subject",
    "9 so-many",
    "9 somebody",
  ]);
});

test("JSX text and attributes are found, and apostrophes and slashes in them start no string or comment", () => {
  expect(found("src/page.tsx", { strings: true, tests: false })).toEqual(["1 somebody", "1 somebody"]);
});

test("test names are found where other strings are data", () => {
  expect(found("src/named.test.ts", { strings: false, tests: true })).toEqual(["2 somebody"]);
});

test("a type name declared twice in one folder is found, whether exported or not", () => {
  expect(duplicateTypes(sources)).toEqual([
    expect.objectContaining({ file: "src/b.ts", line: 1, text: "Same, also declared in src/a.ts:1" }),
  ]);
});

test("public names and fields without a doc comment are found, nested ones too; private ones are exempt", async () => {
  const findings = await undocumented(project, root, ["src/index.ts"]);
  expect(findings.map(({ line, text }) => `${line} ${text}`).toSorted()).toEqual([
    "15 Server.open",
    "17 VERSION",
    "5 Options.b",
    "7 Options.limits.rooms",
  ]);
});
