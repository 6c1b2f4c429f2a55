// Completion: what the scripts are told, and that shells understand the scripts.
import { expect, test } from "bun:test";
import { run } from "../support/command.ts";
import { folder, THUMP } from "../support/process.ts";

/** What could come next, as the scripts are told; the last line says whether it may be a file. */
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
  expect(await complete("")).toEqual([...commands, ":4"]);
  expect(await complete("ta")).toEqual(["tail", ":4"]);
  expect(await complete("tail", "--la")).toEqual(["--last", ":4"]);
  expect(await complete("tail", "room", "--color", "")).toEqual(["auto", "always", "never", ":4"]);
  expect(await complete("--por")).toEqual(["--port", ":4"]);
  expect(await complete("serve", "--max-m")).toEqual(["--max-message", "--max-memory", ":4"]);
  expect(await complete("completion", "")).toContain("fish");
});

test("where a file is wanted, the shell's own completion is asked for", async () => {
  for (const words of [
    ["publish", "r", "--file", ""],
    ["tail", "r", "--token-file", "a"],
    ["--config", ""],
    ["check", ""],
  ])
    expect(await complete(...words)).toEqual([":0"]);
  expect(await complete("check", "--ro")).toEqual(["--room", ":4"]);
});

/** Asks bash for the completion of a line, with the script that is printed. */
async function inBash(line: string, cwd: string): Promise<string[]> {
  const { out: script } = await run(["completion", "bash"]);
  const words = line.split(" ");
  const text = `
    thump() { ${THUMP.join(" ")} "$@"; }
    # What the bash-completion package has for every script.
    _get_comp_words_by_ref() { cur=\${COMP_WORDS[COMP_CWORD]}; prev=\${COMP_WORDS[COMP_CWORD-1]}; words=("\${COMP_WORDS[@]}"); cword=$COMP_CWORD; }
    compopt() { :; }
    ${script}
    COMP_WORDS=(${words.map((word) => `"${word}"`).join(" ")}); COMP_CWORD=${words.length - 1}
    COMPREPLY=()
    \${THUMP_COMPLETER:-__thump_complete}
    printf '%s\\n' "\${COMPREPLY[@]}"; complete -p thump >&2`;
  const shell = Bun.spawn(["bash", "-c", text], { cwd, stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([
    new Response(shell.stdout).text(),
    new Response(shell.stderr).text(),
  ]);
  // It is what bash calls for the command.
  expect(err).toContain("-F __thump_complete");
  return out.trim().split("\n");
}

test("bash completes with the script", async () => {
  const cwd = folder();
  expect(await inBash("thump to", cwd)).toEqual(["token"]);
  expect(await inBash("thump tail --co", cwd)).toEqual(["--count", "--color"]);
});

for (const [shell, check] of [
  ["bash", "-n"],
  ["zsh", "-n"],
  ["fish", "--no-execute"],
] as const) {
  const installed = Bun.which(shell) !== null;
  test.skipIf(!installed)(`${shell} can read its script`, async () => {
    const { code, out, err } = await run(["completion", shell]);
    expect([code, err]).toEqual([0, ""]);
    const cwd = folder({ script: out });
    const parsed = Bun.spawn([shell, check, "script"], { cwd, stdout: "ignore", stderr: "pipe" });
    expect(await new Response(parsed.stderr).text()).toBe("");
    expect(await parsed.exited).toBe(0);
  });
}

test("every script names the command that it asks", async () => {
  for (const shell of ["bash", "zsh", "fish"])
    expect((await run(["completion", shell])).out).toContain("thump complete --");
});

test("another shell: 2, and which there are", async () => {
  const { code, err } = await run(["completion", "csh"]);
  expect([code, err]).toEqual([2, expect.stringContaining("bash")]);
});
