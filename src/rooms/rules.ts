// The rules of a server. The first rule in the config whose pattern matches a room's name applies to the room.
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
   * @param options rule options by pattern, already validated against their schema
   * @param level the default access level for actions that a rule does not mention
   */
  constructor(options: Record<string, RuleOptions> = {}, level: AccessLevel = "anyone") {
    this.#fallback = resolveRule("*", {}, level);
    this.#rules = Object.entries(options).map(([pattern, rule]) => ({
      pattern: compilePattern(pattern),
      rule: resolveRule(pattern, rule, level),
    }));
  }

  /** All configured rules and the fallback rule, except the rules for reserved rooms. */
  get all(): Rule[] {
    return [...this.#rules.map(({ rule }) => rule), this.#fallback];
  }

  /** A text that changes whenever a pattern's rooms move between memory and the data file. */
  get fingerprint(): string {
    return JSON.stringify(this.#rules.map(({ rule }) => [rule.pattern, isKept(rule.retention)]));
  }

  /** Returns the rule of a room. If no pattern matches, returns the default rule. */
  of(room: string): Rule {
    if (isReserved(room)) return this.#reserved.of(room);
    for (const { pattern, rule } of this.#rules) if (pattern.test(room)) return rule;
    return this.#fallback;
  }
}
