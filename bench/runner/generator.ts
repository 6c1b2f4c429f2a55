// Controls the generator processes as if they were one: sends each command to all of them and collects their responses.
import { join } from "node:path";
import type { Answer, Assignment, Command } from "../commands.ts";
import { now } from "../generator/clock.ts";
import { GENERATOR_CORE, endChild, linesOf, startChild, lastOutputOf } from "./children.ts";

const script = join(import.meta.dir, "../generator/main.ts");
/** A process's clock reading must lie between the times of the request and the response, within this tolerance (ms). */
const CLOCK_TOLERANCE_MS = 0.5;

export type Done = Extract<Answer, { done: true }>;

class Process {
  readonly #child;
  readonly #lines;
  readonly #errors;

  constructor(assignment: Assignment) {
    this.#child = startChild([process.execPath, script, JSON.stringify(assignment)], GENERATOR_CORE, {
      stdin: "pipe",
    });
    this.#lines = linesOf(this.#child.stdout);
    this.#errors = lastOutputOf(this.#child.stderr);
  }

  async checkGreeting(): Promise<void> {
    const before = now();
    const answer = await this.#next();
    if (!("hello" in answer)) throw new Error("the generator did not send its greeting");
    checkClock(before, answer.hello);
  }

  async perform(command: Command, progress: (text: string) => void): Promise<Done> {
    const before = now();
    const input = this.#child.stdin;
    if (typeof input === "number" || !input) throw new Error("the generator has no input");
    void input.write(`${JSON.stringify(command)}\n`);
    void input.flush();
    for (;;) {
      const answer = await this.#next();
      if ("progress" in answer) progress(answer.progress);
      else if ("done" in answer) {
        checkClock(before, answer.clock);
        return answer;
      }
    }
  }

  end(): Promise<void> {
    return endChild(this.#child);
  }

  async #next(): Promise<Answer> {
    const { value } = await this.#lines.next();
    if (value === undefined) throw new Error(`the generator ended: ${this.#errors() || "no output"}`);
    const answer = JSON.parse(value) as Answer;
    if ("failed" in answer) throw new Error(answer.failed);
    return answer;
  }
}

function checkClock(before: number, theirs: number): void {
  const after = now();
  if (theirs < before - CLOCK_TOLERANCE_MS || theirs > after + CLOCK_TOLERANCE_MS)
    throw new Error(
      `the generator's clock differs from the runner's: ${theirs} ms is not between ${before} and ${after} ms`,
    );
}

export class Generator {
  private constructor(
    readonly processes: readonly Process[],
    readonly progress: (text: string) => void,
  ) {}

  static async start(
    assignment: Omit<Assignment, "process" | "processes">,
    processes: number,
    progress: (text: string) => void,
  ): Promise<Generator> {
    const all = Array.from(
      { length: processes },
      (_, process) => new Process({ ...assignment, process, processes }),
    );
    await Promise.all(all.map((each) => each.checkGreeting()));
    return new Generator(all, progress);
  }

  /** Sends the command to every process. The first process publishes. */
  perform(command: Command): Promise<Done[]> {
    return Promise.all(this.processes.map((process) => process.perform(command, this.progress)));
  }

  async end(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.end()));
  }
}
