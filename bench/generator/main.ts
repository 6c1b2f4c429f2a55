// The load generator: a process of its own that does one job and prints its result.
import { writeSync } from "node:fs";
import type { Job, Line } from "../jobs.ts";
import { runFanout } from "./fanout.ts";
import { runIdle } from "./idle.ts";

// Written at once: the loop that reads the sockets never returns to the event loop.
function print(line: Line): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

const progress = (text: string) => print({ type: "progress", text });

try {
  const job = JSON.parse(process.argv[2] ?? "") as Job;
  const result = job.kind === "fanout" ? runFanout(job, progress) : runIdle(job, progress);
  print({ type: "result", result });
  process.exit(0);
} catch (error) {
  print({
    type: "failed",
    reason: error instanceof Error ? error.message : String(error),
  });
  process.exit(1);
}
