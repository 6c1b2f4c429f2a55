// A generator process: reads commands from its input, a line each, and answers each with a line.
import { readSync, writeSync } from "node:fs";
import type { Answer, Assignment, Command } from "../commands.ts";
import { now } from "./clock.ts";
import { Performer } from "./stage.ts";

const INPUT = 0;
const OUTPUT = 1;

function say(answer: Answer): void {
  writeSync(OUTPUT, `${JSON.stringify(answer)}\n`);
}

/** The lines of the input. Waiting for one blocks: nothing else is to be done then. */
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
  const performer = new Performer(assignment, (progress) => say({ progress }));
  say({ hello: now() });
  for (const line of lines()) {
    const done = performer.perform(JSON.parse(line) as Command);
    say({ done: true, clock: now(), ...done });
  }
} catch (error) {
  say({ failed: error instanceof Error ? error.message : String(error) });
}
process.exit(0);
