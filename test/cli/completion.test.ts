// Completion: the candidates that shell scripts receive, and the effect of the Tab key in each shell.
import { expect, test } from "bun:test";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "../support/command.ts";
import { folder } from "../support/process.ts";
import { type Ask, bash, fish, zsh } from "../support/shells.ts";
import { noProgram, testIf } from "../support/skip.ts";

/**
 * Returns the candidates as shell scripts receive them. The last line states which kind of word the shell itself must
 * complete.
 */
async function complete(...words: string[]): Promise<string[]> {
  const { code, out } = await run(["complete", "--", ...words]);
  expect(code).toBe(0);
  return out.split("\n").map((line) => line.split("\t", 1)[0] as string);
}

test("completes commands, flags and values", async () => {
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
  // Any word is a valid room, and no flags are offered after `--`.
  for (const words of [
    ["tail", ""],
    ["tail", "--", "--la"],
    ["tail", "--last", ""],
    ["publish", "r", "te"],
  ])
    expect(await complete(...words)).toEqual([":words"]);
});

test("completes the server's flags with and without the serve command", async () => {
  expect(await complete("--por")).toEqual(["--port", ":words"]);
  expect(await complete("--vers")).toEqual(["--version", ":words"]);
  expect(await complete("serve", "--max-m")).toEqual(["--max-message", "--max-memory", ":words"]);
  expect(await complete("--port", "1", "--log", "")).toEqual(["pretty", "json", "none", ":words"]);
  expect(await complete("-")).toContain("--help");
});

test("requests the shell's own completion for files and folders", async () => {
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

/** Defines a test for each installed shell, in a folder that contains a file and a folder. */
function inEach(name: string, check: (ask: Ask, cwd: string, shell: string) => Promise<void>): void {
  for (const [shell, start] of Object.entries({ bash, zsh, fish })) {
    testIf(noProgram(shell))(`${shell}: ${name}`, async () => {
      const cwd = folder({ "a file.json": "", "only.txt": "" });
      mkdirSync(join(cwd, "order"));
      await check(await start(cwd), cwd, shell);
    });
  }
}

/** The words added to a line, sorted. */
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

inEach("files and folders, only for arguments that take them", async (ask) => {
  expect(await ask("thump check on")).toBe("thump check only.txt ");
  expect(await ask("thump publish r --file on")).toBe("thump publish r --file only.txt ");
  expect(await ask("thump publish r --file=on")).toBe("thump publish r --file=only.txt ");
  expect((await ask("thump serve --data o")).trim()).toBe("thump serve --data order/");
  // No file names are offered for a room or a number.
  expect((await ask("thump tail on")).trim()).toMatch(/^thump tail( on)?$/);
  expect((await ask("thump tail --last ")).trim()).toBe("thump tail --last");
});

inEach("words with a meaning to the shell are passed on, never executed", async (ask, cwd) => {
  for (const word of ["'{\"a\": [1, 2]}'", "chat:*", "a:b:c", "'it is'", "$(touch ran)"])
    expect(await ask(`thump publish r ${word} --ev`)).toBe(`thump publish r ${word} --event `);
  expect(existsSync(join(cwd, "ran"))).toBe(false);
});

for (const [shell, start] of Object.entries({ bash, zsh })) {
  testIf(noProgram(shell))(
    `${shell}: in the middle of a line, only the text before the cursor counts`,
    async () => {
      const ask = await start(folder());
      // Moves the cursor to the start of the line, then nine characters to the right.
      const line = await ask(`thump pub --last\x01${"\x06".repeat(9)}`);
      expect(line).toMatch(/^thump publish +--last$/);
    },
  );
}

test("an unsupported shell: exit code 2, and the supported ones", async () => {
  const { code, err } = await run(["completion", "csh"]);
  expect([code, err]).toEqual([2, expect.stringContaining("bash")]);
});
