// The attacker as the runner has it: a process of its own on the generator's core, told what to do and when to stop.
import { join } from "node:path";
import type { AttackName, Deeds, Order, Ready } from "../attacker/attack.ts";
import { endChild, GENERATOR_CORE, linesOf, startChild, tailOf } from "./children.ts";

const script = join(import.meta.dir, "../attacker/main.ts");

export class Attacker {
  readonly #child;
  readonly #lines;
  readonly #errors;

  /** @param port the server's */
  constructor(port: number) {
    this.#child = startChild([process.execPath, script, String(port)], GENERATOR_CORE, { stdin: "pipe" });
    this.#lines = linesOf(this.#child.stdout);
    this.#errors = tailOf(this.#child.stderr);
  }

  /** Attacks while `work` is done, once everything that the attack needs is in place. */
  async during<T>(attack: AttackName, work: () => Promise<T>): Promise<{ deeds: Deeds; done: T }> {
    await this.#order<Ready>({ begin: attack });
    const done = await work();
    return { deeds: await this.#order<Deeds>({ end: true }), done };
  }

  end(): Promise<void> {
    return endChild(this.#child);
  }

  async #order<T>(order: Order): Promise<T> {
    const input = this.#child.stdin;
    if (typeof input === "number" || !input) throw new Error("the attacker has no input");
    void input.write(`${JSON.stringify(order)}\n`);
    void input.flush();
    const { value } = await this.#lines.next();
    if (value === undefined) throw new Error(`the attacker ended: ${this.#errors() || "it said nothing"}`);
    return JSON.parse(value) as T;
  }
}
