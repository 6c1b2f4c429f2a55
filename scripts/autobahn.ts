// Runs the Autobahn WebSocket test suite against a raw socket with echo and prints the results as Markdown.
// bun scripts/autobahn.ts path/to/wstest [cases, such as 9.*]      (docs/autobahn.md describes how to install wstest)
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "../src/index.ts";

/** The result of one case, as reported by the suite. */
interface Verdict {
  behavior: string;
  behaviorClose: string;
}
interface Suite {
  cases: Record<string, Verdict>;
  version: string;
}

const GROUPS: Record<string, string> = {
  1: "framing",
  2: "pings and pongs",
  3: "reserved bits",
  4: "opcodes",
  5: "fragmentation",
  6: "UTF-8",
  7: "closing",
  9: "messages of up to 16 MiB",
  10: "messages in many pieces",
  12: "compression",
  13: "compression, with other windows",
};
const COUNTED = ["OK", "NON-STRICT", "INFORMATIONAL", "FAILED"] as const;
const MIB = 1 << 20;

async function run(wstest: string, cases: string[]): Promise<Suite> {
  const folder = mkdtempSync(join(tmpdir(), "autobahn-"));
  // The largest messages are 16 MiB. Bun itself rejects larger ones.
  const server = serve({
    port: 0,
    demo: false,
    log: "none",
    limits: { message: 16 * MIB, memory: "256MiB", rates: { session: { publishes: false, bytes: false } } },
    rooms: { "*": { history: { count: 100, bytes: 64 * MIB }, compress: { over: 0 } } },
  });
  const spec = join(folder, "spec.json");
  await Bun.write(
    spec,
    JSON.stringify({
      outdir: folder,
      servers: [{ agent: "thump", url: `ws://127.0.0.1:${server.port}/rooms/x?echo=1` }],
      cases,
      "exclude-cases": [],
      "exclude-agent-cases": {},
    }),
  );
  try {
    const suite = Bun.spawn([wstest, "-m", "fuzzingclient", "-s", spec], {
      cwd: folder,
      stdout: "ignore",
      stderr: "inherit",
    });
    if ((await suite.exited) !== 0) throw new Error(`${wstest} ended with ${suite.exitCode}`);
    const index = (await Bun.file(join(folder, "index.json")).json()) as Record<string, Suite["cases"]>;
    const versions = await new Response(Bun.spawn([wstest, "-a"], { stderr: "ignore" }).stdout).text();
    return { cases: index["thump"] ?? {}, version: versions.trim().replaceAll("\n", ", ") };
  } finally {
    rmSync(folder, { recursive: true });
    await server.stop();
  }
}

/** One row per group of cases. */
function table({ cases }: Suite): string[] {
  const groups = Map.groupBy(Object.entries(cases), ([id]) => id.split(".")[0] as string);
  const rows = [...groups]
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([group, all]) => {
      const counts = COUNTED.map((behavior) => all.filter(([, one]) => one.behavior === behavior).length);
      return `| ${[`${group} ${GROUPS[group] ?? ""}`, all.length, ...counts].join(" | ")} |`;
    });
  return ["| cases | all | OK | non-strict | informational | failed |", "|-|-|-|-|-|-|", ...rows];
}

/** Cases that are neither OK nor informational, and cases that did not close correctly. */
function faults({ cases }: Suite): string[] {
  const fine = ["OK", "INFORMATIONAL"];
  return Object.entries(cases)
    .filter(([, one]) => !fine.includes(one.behavior) || !fine.includes(one.behaviorClose))
    .map(([id, one]) => `- ${id}: ${one.behavior}; closing: ${one.behaviorClose}`);
}

const [wstest, ...cases] = process.argv.slice(2);
if (!wstest) {
  console.error(
    "usage: bun scripts/autobahn.ts path/to/wstest [case …]; docs/autobahn.md describes how to install wstest",
  );
  process.exit(2);
}
const suite = await run(wstest, cases.length > 0 ? cases : ["*"]);
console.log(`${suite.version}, Bun ${Bun.version}, ${new Date().toISOString().slice(0, 10)}\n`);
console.log([...table(suite), "", ...faults(suite)].join("\n"));
// Bun keeps the process alive until the suite's last socket closes.
process.exit(0);
