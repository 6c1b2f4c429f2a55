// Input that is not UTF-8 is rejected or published as bytes, and is never replaced by U+FFFD.
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stateOf } from "../support/answers.ts";
import { environment, folder, THUMP } from "../support/process.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { notLinux, testIf } from "../support/skip.ts";

const LATIN = Buffer.from("caf\xe9", "latin1");

/** Runs a command with bytes as its standard input. */
async function run(server: TestServer, args: string[], input: Uint8Array = new Uint8Array()) {
  const child = Bun.spawn([...THUMP, ...args], {
    cwd: folder(),
    env: environment({ THUMP_URL: server.url }),
    stdin: input,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [err, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  return { err, code };
}

const dataIn = async (server: TestServer) =>
  (await stateOf(server, "x")).messages.map(({ data, encoding }) =>
    encoding === undefined ? data : [data, encoding],
  );

test("a line that is not UTF-8 is rejected with its number, and earlier lines are published", async () => {
  const server = startServer();
  const input = Buffer.concat([Buffer.from("caf\u00e9\n"), LATIN, Buffer.from("\nafter\n")]);
  const { code, err } = await run(server, ["publish", "x"], input);
  expect(code).toBe(1);
  expect(err).toContain("Line 2 is not UTF-8");
  expect(await dataIn(server)).not.toContain("after");
  for (const data of await dataIn(server)) expect(data).toBe("caf\u00e9");
});

test("with --keep-going such a line is skipped", async () => {
  const server = startServer();
  const input = Buffer.concat([LATIN, Buffer.from("\nafter\n"), LATIN]);
  const { code, err } = await run(server, ["publish", "x", "--keep-going"], input);
  expect(code).toBe(1);
  expect(err).toContain("Line 1 is not UTF-8");
  expect(err).toContain("Line 3 is not UTF-8");
  expect(await dataIn(server)).toEqual(["after"]);
});

test("a character split across reads is intact, and so is an original U+FFFD", async () => {
  const server = startServer();
  const child = Bun.spawn([...THUMP, "publish", "x"], {
    cwd: folder(),
    env: environment({ THUMP_URL: server.url }),
    stdin: "pipe",
    stdout: "ignore",
    stderr: "inherit",
  });
  for (const part of [
    [0x63, 0xc3],
    [0xa9, 0x0a, 0xef],
    [0xbf, 0xbd, 0x0a],
  ]) {
    child.stdin.write(Uint8Array.from(part));
    await child.stdin.flush();
  }
  await child.stdin.end();
  expect(await child.exited).toBe(0);
  expect(await dataIn(server)).toEqual(["c\u00e9", "\ufffd"]);
});

test("a whole file that is not text is published as bytes", async () => {
  const server = startServer();
  expect((await run(server, ["publish", "x", "--file", "-"], LATIN)).code).toBe(0);
  expect(await dataIn(server)).toEqual([[LATIN.toString("base64"), "base64"]]);
});

/** Runs a shell command line, which can contain bytes that are not UTF-8. */
async function shell(line: string, env: Record<string, string> = {}, cwd = folder()) {
  const child = Bun.spawn(["sh", "-c", line, ...THUMP], {
    cwd,
    env: environment(env),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { out, err, code };
}

testIf(notLinux)(
  "an argument that is not UTF-8 is rejected, and one with an original U+FFFD is accepted",
  async () => {
    const server = startServer();
    const env = { THUMP_URL: server.url };
    const bad = await shell(`"$0" "$@" publish x "$(printf 'caf\\351')"`, env);
    expect([bad.code, bad.err]).toEqual([2, expect.stringContaining("not UTF-8") as string]);
    expect((await shell(`"$0" "$@" publish x "$(printf '\\357\\277\\275')"`, env)).code).toBe(0);
    expect(await dataIn(server)).toEqual(["\ufffd"]);
  },
);

test("invalid bytes in a variable or a config file are not replaced", async () => {
  const variable = await shell(
    `THUMP_SECRET="$(printf 'a secret of 32 characters or more, caf\\351')" "$0" "$@" check`,
  );
  expect([variable.code, variable.err]).toEqual([
    2,
    expect.stringContaining("THUMP_SECRET: is not UTF-8") as string,
  ]);
  const cwd = folder();
  const config = JSON.stringify({ access: { secrets: "a secret of 32 characters or more, caf\u00e9" } });
  writeFileSync(join(cwd, "thump.config.json"), Buffer.from(config, "latin1"));
  const file = await shell(`"$0" "$@" check`, {}, cwd);
  expect(file.code).toBe(2);
  expect(file.err).toContain("thump.config.json");
});
