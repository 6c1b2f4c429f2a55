// Patterns match the right names, only `*` and `{name}` are special, and no pattern is slow.
import { expect, test } from "bun:test";
import { compilePattern } from "../../src/rooms/pattern.ts";
import { randomTest } from "../support/random.ts";

test.each([
  ["chat", "chat", true],
  ["chat", "chat2", false],
  ["chat", "my chat", false],
  ["chat:*", "chat:42", true],
  ["chat:*", "chat:", true],
  ["chat:*", "chat", false],
  ["*", "anything:at all", true],
  ["*:end", "a:b:end", true],
  ["user:{id}", "user:7", true],
  ["user:{id}", "user:", false],
  ["user:{id}", "user:7:inbox", false],
  ["user:{id}:*", "user:7:inbox", true],
  ["{a}:{b}", "x:y", true],
  ["a.c", "abc", false],
  ["a+(b)[c]^$|\\", "a+(b)[c]^$|\\", true],
  ["{not a name}", "{not a name}", true],
  ["*", "🐇", true],
  ["{id}", "🐇", true],
])("%p matches %p: %p", (pattern, name, matches) => {
  expect(compilePattern(pattern).test(name)).toBe(matches);
});

/** A simple, slow matcher. */
function matches(pattern: string, name: string): boolean {
  if (pattern === "") return name === "";
  const [first, rest] = [pattern[0], pattern.slice(1)];
  if (first !== "*") return name[0] === first && matches(rest, name.slice(1));
  return Array.from({ length: name.length + 1 }, (_, i) => i).some((i) => matches(rest, name.slice(i)));
}

randomTest("random patterns match as in the simple implementation", (random) => {
  const some = (letters: string[], length: number) =>
    Array.from({ length: random.below(length) }, () => random.pick(letters)).join("");
  for (let i = 0; i < 5_000; i++) {
    const pattern = some(["a", "b", ":", ".", "*"], 8);
    const name = some(["a", "b", ":", "."], 8);
    expect([pattern, name, compilePattern(pattern).test(name)]).toEqual([
      pattern,
      name,
      matches(pattern, name),
    ]);
  }
});

test("a pattern with many stars is fast, because clients may send such a pattern", () => {
  // Runs in a separate process, because an endless loop could not be stopped otherwise.
  const code = `import { compilePattern } from ${JSON.stringify(require.resolve("../../src/rooms/pattern.ts"))};
    process.exit(compilePattern("*a".repeat(20) + "b").test("a".repeat(200)) ? 1 : 0);`;
  const { exitCode, signalCode } = Bun.spawnSync([process.execPath, "-e", code], { timeout: 3_000 });
  expect({ exitCode, signalCode }).toMatchObject({ exitCode: 0 });
});
