// Controls the attacker: a separate process on the generator's core that starts and stops attacks on request.
import { join } from "node:path";
import type { AttackName, AttackReport, AttackerCommand, AttackReady } from "../attacker/attack.ts";
import { endChild, GENERATOR_CORE, linesOf, startChild, lastOutputOf } from "./children.ts";

const script = join(import.meta.dir, "../attacker/main.ts");

export class Attacker {
  readonly #child;
  readonly #lines;
  readonly #errors;

  /** @param port the server's port */
  constructor(port: number) {
    this.#child = startChild([process.execPath, script, String(port)], GENERATOR_CORE, { stdin: "pipe" });
    this.#lines = linesOf(this.#child.stdout);
    this.#errors = lastOutputOf(this.#child.stderr);
  }

  /** Runs `work` during the attack. The attack starts once its preparation is complete. */
  async during<T>(attack: AttackName, work: () => Promise<T>): Promise<{ report: AttackReport; done: T }> {
    await this.#order<AttackReady>({ begin: attack });
    const done = await work();
    return { report: await this.#order<AttackReport>({ end: true }), done };
  }

  end(): Promise<void> {
    return endChild(this.#child);
  }

  async #order<T>(order: AttackerCommand): Promise<T> {
    const input = this.#child.stdin;
    if (typeof input === "number" || !input) throw new Error("the attacker has no input");
    void input.write(`${JSON.stringify(order)}\n`);
    void input.flush();
    const { value } = await this.#lines.next();
    if (value === undefined) throw new Error(`the attacker ended: ${this.#errors() || "no output"}`);
    return JSON.parse(value) as T;
  }
}
