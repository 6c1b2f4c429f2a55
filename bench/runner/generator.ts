// Runs one job in a generator process of its own.
import { join } from "node:path";
import type { Job, Line, Result } from "../jobs.ts";
import { GENERATOR_CORE, endChild, linesOf, startChild, tailOf } from "./children.ts";

const script = join(import.meta.dir, "../generator/main.ts");

export async function runJob(job: Job, progress: (text: string) => void): Promise<Result> {
  const child = startChild([process.execPath, script, JSON.stringify(job)], GENERATOR_CORE);
  const errors = tailOf(child.stderr);
  try {
    for await (const text of linesOf(child.stdout)) {
      const line = JSON.parse(text) as Line;
      if (line.type === "result") return line.result;
      if (line.type === "failed") throw new Error(line.reason);
      progress(line.text);
    }
    throw new Error(`the generator ended without a result: ${errors()}`);
  } finally {
    await endChild(child);
  }
}
