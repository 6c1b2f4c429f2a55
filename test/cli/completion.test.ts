// Completion: what the scripts are told, and what becomes of a line in each shell by its TAB.
import { expect, test } from "bun:test";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "../support/command.ts";
import { folder } from "../support/process.ts";
import { type Ask, bash, fish, zsh } from "../support/shells.ts";
import { noProgram, testIf } from "../support/skip.ts";

/** What could come next, as the scripts are told; the last line says what else may come. */
async function complete(...words: string[]): Promise<string[]> {
  const { code, out } = await run(["complete", "--", ...words]);
  expect(code).toBe(0);
  return out.split("\n").map((line) => line.split("\t", 1)[0] as string);
}

test("commands, flags and values are completed", async () => {
  const commands = [
    "serve",
    "publish",
    "tail",
    "rooms",
    "bench",
    "check",
    "backup",
    "token",
    "key",
    "completion",
  ];
  expect(await complete("")).toEqual([...commands, ":words"]);
  expect(await complete("ta")).toEqual(["tail", ":words"]);
  expect(await complete("tail", "--la")).toEqual(["--last", ":words"]);
  expect(await complete("tail", "room", "--color", "")).toEqual(["auto", "always", "never", ":words"]);
  expect(await complete("tail", "room", "--color=a")).toEqual(["--color=auto", "--color=always", ":words"]);
  expect(await complete("completion", "")).toEqual(["bash", "zsh", "fish", ":words"]);
  // A room may be called anything, and after -- there are no flags.
  for (const words of [
    ["tail", ""],
    ["tail", "--", "--la"],
    ["tail", "--last", ""],
    ["publish", "r", "te"],
  ])
    expect(await complete(...words)).toEqual([":words"]);
});

test("the server's flags are completed with the command, and without", async () => {
  expect(await complete("--por")).toEqual(["--port", ":words"]);
  expect(await complete("--vers")).toEqual(["--version", ":words"]);
  expect(await complete("serve", "--max-m")).toEqual(["--max-message", "--max-memory", ":words"]);
  expect(await complete("--port", "1", "--log", "")).toEqual(["pretty", "json", "none", ":words"]);
  expect(await complete("-")).toContain("--help");
});

test("where a file or a folder is wanted, the shell's own completion is asked for", async () => {
  for (const words of [
    ["publish", "r", "--file", ""],
    ["publish", "r", "--file=a"],
    ["tail", "r", "--token-file", "a"],
    ["--config", ""],
    ["check", ""],
    ["backup", "--json", ""],
  ])
    expect(await complete(...words)).toEqual([":files"]);
  expect(await complete("backup", "--data", "")).toEqual([":folders"]);
  expect(await complete("--data", "")).toEqual([":folders"]);
  expect(await complete("check", "--ro")).toEqual(["--room", ":words"]);
  expect(await complete("check", "one", "")).toEqual([":words"]);
});

/** A test in a folder with a file and a folder, for each shell that is here. */
function inEach(name: string, check: (ask: Ask, cwd: string, shell: string) => Promise<void>): void {
  for (const [shell, start] of Object.entries({ bash, zsh, fish })) {
    testIf(noProgram(shell))(`${shell}: ${name}`, async () => {
      const cwd = folder({ "a file.json": "", "only.txt": "" });
      mkdirSync(join(cwd, "order"));
      await check(await start(cwd), cwd, shell);
    });
  }
}

/** The words that were put in behind a beginning, whatever order the shell likes. */
const added = (line: string, beginning: string) =>
  line.slice(beginning.length).trim().split(/\s+/).toSorted();

inEach("commands, flags and values", async (ask) => {
  expect(await ask("thump ta")).toBe("thump tail ");
  expect(await ask("thump completion z")).toBe("thump completion zsh ");
  expect(added(await ask("thump tail --co", "all"), "thump tail ")).toEqual(["--color", "--count"]);
  const values = ["always", "auto", "never"];
  expect(added(await ask("thump tail r --color ", "all"), "thump tail r --color ")).toEqual(values);
  expect(await ask("thump tail r --color=al")).toBe("thump tail r --color=always ");
  expect(await ask("thump --log-level w")).toBe("thump --log-level warning ");
  expect(await ask("thump serve --metrics-")).toBe("thump serve --metrics-path ");
  const commands = added(await ask("thump ", "all"), "thump ");
  expect(commands).toContain("serve");
  expect(commands).toHaveLength(10);
});

inEach("files and folders where they are wanted, and nowhere else", async (ask) => {
  expect(await ask("thump check on")).toBe("thump check only.txt ");
  expect(await ask("thump publish r --file on")).toBe("thump publish r --file only.txt ");
  expect(await ask("thump publish r --file=on")).toBe("thump publish r --file=only.txt ");
  expect((await ask("thump serve --data o")).trim()).toBe("thump serve --data order/");
  // A room is no file, nor is a number.
  expect((await ask("thump tail on")).trim()).toMatch(/^thump tail( on)?$/);
  expect((await ask("thump tail --last ")).trim()).toBe("thump tail --last");
});

inEach("words that mean something to a shell are passed on, never run", async (ask, cwd) => {
  for (const word of ["'{\"a\": [1, 2]}'", "chat:*", "a:b:c", "'it is'", "$(touch ran)"])
    expect(await ask(`thump publish r ${word} --ev`)).toBe(`thump publish r ${word} --event `);
  expect(existsSync(join(cwd, "ran"))).toBe(false);
});

for (const [shell, start] of Object.entries({ bash, zsh })) {
  testIf(noProgram(shell))(`${shell}: in the midst of a line, what is before the cursor counts`, async () => {
    const ask = await start(folder());
    // To the beginning, and nine to the right.
    const line = await ask(`thump pub --last\x01${"\x06".repeat(9)}`);
    expect(line).toMatch(/^thump publish +--last$/);
  });
}

test("another shell: 2, and which there are", async () => {
  const { code, err } = await run(["completion", "csh"]);
  expect([code, err]).toEqual([2, expect.stringContaining("bash")]);
});
