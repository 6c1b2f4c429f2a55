// Which rule a room has: the first whose pattern matches its name, in the order they were written.
import { compilePattern, type Pattern } from "./pattern.ts";
import { resolveRule, type Rule, type RuleOptions } from "./rule.ts";

export class Rules {
  readonly #rules: { pattern: Pattern; rule: Rule }[];
  readonly #fallback = resolveRule("*");

  /** @param options Rule options by pattern, already checked against their schema. */
  constructor(options: Record<string, RuleOptions> = {}) {
    this.#rules = Object.entries(options).map(([pattern, rule]) => ({
      pattern: compilePattern(pattern),
      rule: resolveRule(pattern, rule),
    }));
  }

  /** The rule of a room; a room that no pattern matches has the defaults. */
  of(room: string): Rule {
    for (const { pattern, rule } of this.#rules) if (pattern.test(room)) return rule;
    return this.#fallback;
  }
}
