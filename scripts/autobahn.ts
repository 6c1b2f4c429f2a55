// Runs the Autobahn WebSocket test suite against the echo of a raw socket, and prints what came of it as Markdown.
// bun scripts/autobahn.ts path/to/wstest [cases, such as 9.*]      (docs/autobahn.md says how to get wstest)
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "../src/index.ts";

/** What the suite says of one case. */
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
};
const COUNTED = ["OK", "NON-STRICT", "INFORMATIONAL", "FAILED"] as const;
const MIB = 1 << 20;

async function run(wstest: string, cases: string[]): Promise<Suite> {
  const folder = mkdtempSync(join(tmpdir(), "autobahn-"));
  // The largest messages have 16 MiB; the engine answers what is larger itself.
  const server = serve({
    port: 0,
    demo: false,
    log: "none",
    limits: { message: 16 * MIB, memory: "256MiB", rates: { session: { publishes: false, bytes: false } } },
    rooms: { "*": { history: { count: 100, bytes: 64 * MIB } } },
  });
  const spec = join(folder, "spec.json");
  await Bun.write(
    spec,
    JSON.stringify({
      outdir: folder,
      servers: [{ agent: "thump", url: `ws://127.0.0.1:${server.port}/rooms/x?echo=1` }],
      cases,
      // Compression (12 and 13) is off unless a rule asks for it.
      "exclude-cases": ["12.*", "13.*"],
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

/** A row a group of cases. */
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

/** Each case that is neither OK nor only there to inform, and each that did not close as it should. */
function faults({ cases }: Suite): string[] {
  const fine = ["OK", "INFORMATIONAL"];
  return Object.entries(cases)
    .filter(([, one]) => !fine.includes(one.behavior) || !fine.includes(one.behaviorClose))
    .map(([id, one]) => `- ${id}: ${one.behavior}; closing: ${one.behaviorClose}`);
}

const [wstest, ...cases] = process.argv.slice(2);
if (!wstest) {
  console.error(
    "usage: bun scripts/autobahn.ts path/to/wstest [case …]; docs/autobahn.md says how to get it",
  );
  process.exit(2);
}
const suite = await run(wstest, cases.length > 0 ? cases : ["*"]);
console.log(`${suite.version}, Bun ${Bun.version}, ${new Date().toISOString().slice(0, 10)}\n`);
console.log([...table(suite), "", ...faults(suite)].join("\n"));
// Bun's servers keep a process alive for as long as sockets of the suite linger.
process.exit(0);
