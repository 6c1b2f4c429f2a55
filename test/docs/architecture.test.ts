// Checks the table under "Where to look" in ARCHITECTURE.md: every file in it contains the function that the table
// names.
import { expect, test } from "bun:test";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const ROW = /^\| .*\]\((src\/[^)]*\.ts)\) +\| `(?:\w+\.)?(#?\w+)` +\|$/gm;

const read = (path: string) => Bun.file(join(ROOT, path)).text();

test("the files contain the functions named in the table", async () => {
  const rows = [...(await read("ARCHITECTURE.md")).matchAll(ROW)];
  expect(rows.length).toBeGreaterThanOrEqual(7);
  for (const [, path = "", name = ""] of rows) expect(await read(path), path).toContain(`${name}(`);
});
