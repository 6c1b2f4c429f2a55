// Which rule a room has: the first whose pattern matches its name, in the order they were written.
import { isReserved } from "../protocol/names.ts";
import { compilePattern, type Pattern } from "./pattern.ts";
import { ReservedRules } from "./reserved-rules.ts";
import { isKept, resolveRule, type Rule } from "./rule.ts";
import type { AccessLevel, RuleOptions } from "./rule-options.ts";

export class Rules {
  readonly #rules: { pattern: Pattern; rule: Rule }[];
  readonly #fallback: Rule;
  readonly #reserved = new ReservedRules();

  /**
   * @param options Rule options by pattern, already checked against their schema.
   * @param level who may do what no rule speaks of
   */
  constructor(options: Record<string, RuleOptions> = {}, level: AccessLevel = "anyone") {
    this.#fallback = resolveRule("*", {}, level);
    this.#rules = Object.entries(options).map(([pattern, rule]) => ({
      pattern: compilePattern(pattern),
      rule: resolveRule(pattern, rule, level),
    }));
  }

  /** Every rule there is, the one for rooms that no pattern matches too, but for those of the server's own rooms. */
  get all(): Rule[] {
    return [...this.#rules.map(({ rule }) => rule), this.#fallback];
  }

  /** Which patterns keep their rooms in the log's own place, and which in memory: the text changes when that does. */
  get fingerprint(): string {
    return JSON.stringify(this.#rules.map(({ rule }) => [rule.pattern, isKept(rule.retention)]));
  }

  /** The rule of a room; a room that no pattern matches has the defaults. */
  of(room: string): Rule {
    if (isReserved(room)) return this.#reserved.of(room);
    for (const { pattern, rule } of this.#rules) if (pattern.test(room)) return rule;
    return this.#fallback;
  }
}
