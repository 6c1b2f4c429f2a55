// The rules for reserved rooms: access and retention.
import { ERRORS_ROOM, SESSIONS_ROOM, STATS_ROOM } from "../protocol/status-rooms.ts";
import { resolveRule, type Rule } from "./rule.ts";
import type { RuleOptions } from "./rule-options.ts";

const SERVER_ONLY = { join: "server", publish: "server" } as const satisfies RuleOptions;
/**
 * Stored only in memory, because the samples describe this process. Holds five minutes of samples from about 20 nodes,
 * so that charts are full from the start.
 */
const STATS_HISTORY = { count: 6000, age: "5m", bytes: "8MiB", store: "memory" } as const;
const EVENTS_HISTORY = { count: 600, age: "15m", bytes: "512KiB", store: "memory" } as const;

/** Provides the rule for each reserved room. */
export class ReservedRules {
  readonly #rules = new Map<string, Rule>(
    [
      reserved(STATS_ROOM, { ...SERVER_ONLY, history: STATS_HISTORY }),
      reserved(SESSIONS_ROOM, { ...SERVER_ONLY, history: EVENTS_HISTORY }),
      reserved(ERRORS_ROOM, { ...SERVER_ONLY, history: EVENTS_HISTORY }),
    ].map((rule) => [rule.pattern, rule]),
  );
  readonly #others = reserved("thump:*", { ...SERVER_ONLY, history: false });

  of(room: string): Rule {
    return this.#rules.get(room) ?? this.#others;
  }
}

function reserved(name: string, options: RuleOptions): Rule {
  return { ...resolveRule(name, options), reserved: true };
}
