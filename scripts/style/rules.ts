// All wording rules.
import type { Rule } from "./rule.ts";
import { CLAUSES } from "./rules-clauses.ts";
import { PHRASES } from "./rules-phrases.ts";
import { VERBS } from "./rules-verbs.ts";

export const RULES: readonly Rule[] = [...CLAUSES, ...VERBS, ...PHRASES];
