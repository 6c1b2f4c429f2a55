// The Autobahn suite's cases pass on a raw socket. THUMP_WSTEST is the path of wstest (docs/autobahn.md).
import { expect } from "bun:test";
import { join } from "node:path";
import { environment, launch } from "../support/process.ts";
import { testIf } from "../support/skip.ts";

const ROOT = join(import.meta.dir, "../..");
const WSTEST = process.env["THUMP_WSTEST"] ?? Bun.which("wstest");
/** All cases except those for compression (12 and 13), which take much longer. */
const CASES = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"];
const HALF_AN_HOUR_MS = 30 * 60_000;

testIf(WSTEST ? undefined : "no wstest on this machine: docs/autobahn.md")(
  "every case of framing, UTF-8, closing and size passes",
  async () => {
    const args = [process.execPath, "scripts/autobahn.ts", String(WSTEST), ...CASES];
    const child = launch(args, environment({}), ROOT);
    const [out, err, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("| 1 framing |");
    expect(out).not.toContain(": FAILED");
  },
  HALF_AN_HOUR_MS,
);
