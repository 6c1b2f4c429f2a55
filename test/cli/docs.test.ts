// docs/cli.md lists the same server options as the flag table, with the same descriptions.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { FLAG_GROUPS } from "../../src/server/config/flag-table.ts";
import { EXIT } from "../../src/cli/exit-codes.ts";

const DOCS = await Bun.file(join(import.meta.dir, "../../docs/cli.md")).text();

/** The rows of the table after a heading, as cells without markup. */
function rows(heading: string): string[][] {
  const from = DOCS.indexOf(`\n### ${heading}\n`);
  const [section = ""] = DOCS.slice(from + 1).split(/\n#+ /);
  const lines = from < 0 ? [] : section.split("\n").filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.replaceAll("`", "").trim()),
  );
}

test.each(FLAG_GROUPS.map((group) => [group.title, group] as const))(
  "the options under: %s",
  (title, { flags }) => {
    expect(rows(title)).toEqual(
      flags.map(({ flag = "", off, env, fallback = "", description }) => [
        off ? `${flag}, --no-${flag.slice(2)}` : flag,
        env,
        fallback,
        description,
      ]),
    );
  },
);

test("every exit code is documented", () => {
  for (const code of Object.values(EXIT)) expect(DOCS).toMatch(new RegExp(`^\\| ${code} +\\| `, "m"));
});
