// The packages: the release binary works in an empty folder, and the client's tests pass with the built client.
import { expect, test } from "bun:test";
import { join } from "node:path";
import pkg from "../../package.json" with { type: "json" };
import { buildClient } from "../../scripts/build-client.ts";
import { folder } from "../support/process.ts";
import { noProgram, testIf } from "../support/skip.ts";

const ROOT = join(import.meta.dir, "../..");
const TEN_MINUTES_MS = 10 * 60_000;

async function succeeds(command: string[], env: Record<string, string> = {}): Promise<string> {
  const child = Bun.spawn(command, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`${command.join(" ")}: ${out}${err}`);
  return out;
}

testIf(noProgram("curl"))(
  "the release binary serves, publishes, tails, completes, reloads, checks tokens and drains",
  async () => {
    const binary = join(folder(), "thump");
    await succeeds([
      process.execPath,
      ...pkg.scripts.build.replace("dist/thump", binary).split(" ").slice(1),
    ]);
    expect(await succeeds(["bash", "scripts/try-binary.sh", binary])).toContain("drains");
  },
  TEN_MINUTES_MS,
);

test(
  "tests of the client pass with the built client",
  async () => {
    const built = join(folder({ "client.js": await buildClient() }), "client.js");
    // The browser tests build the client themselves.
    const files = [...new Bun.Glob("test/client/*.test.{ts,tsx}").scanSync({ cwd: ROOT })]
      .filter((file) => !file.includes("browser"))
      .map((file) => `./${file}`);
    await succeeds([process.execPath, "test", "--timeout=60000", ...files], { THUMP_CLIENT: built });
  },
  TEN_MINUTES_MS,
);
