// A generator process: reads commands from standard input, one per line, and responds to each with one line.
import { readSync, writeSync } from "node:fs";
import type { Answer, Assignment, Command } from "../commands.ts";
import { now } from "./clock.ts";
import { CommandRunner } from "./command-runner.ts";

const INPUT = 0;
const OUTPUT = 1;

function respond(answer: Answer): void {
  writeSync(OUTPUT, `${JSON.stringify(answer)}\n`);
}

/** Yields the lines of standard input. Blocks while it waits, because the process has nothing else to do then. */
function* lines(): Generator<string> {
  const buffer = Buffer.alloc(64 * 1024);
  let rest = "";
  for (;;) {
    const length = readSync(INPUT, buffer);
    if (length === 0) return;
    const parts = (rest + buffer.toString("utf8", 0, length)).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}

const assignment = JSON.parse(process.argv[2] ?? "{}") as Assignment;
try {
  const performer = new CommandRunner(assignment, (progress) => respond({ progress }));
  respond({ hello: now() });
  for (const line of lines()) {
    const done = performer.perform(JSON.parse(line) as Command);
    respond({ done: true, clock: now(), ...done });
  }
} catch (error) {
  respond({ failed: error instanceof Error ? error.message : String(error) });
}
process.exit(0);
