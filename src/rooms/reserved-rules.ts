// The rules of the server's own rooms: who may listen, and how much of them is kept.
import { ERRORS_ROOM, SESSIONS_ROOM, STATS_ROOM } from "../protocol/status-rooms.ts";
import { resolveRule, type Rule } from "./rule.ts";
import type { RuleOptions } from "./rule-options.ts";

const SERVER_ONLY = { join: "server", publish: "server" } as const satisfies RuleOptions;
/** In memory alone: it is about this process. A chart that is opened is full: five minutes, of some twenty nodes. */
const STATS_HISTORY = { count: 6000, age: "5m", bytes: "8MiB", store: "memory" } as const;
const EVENTS_HISTORY = { count: 600, age: "15m", bytes: "512KiB", store: "memory" } as const;

/** By name, and for what may yet be named so. */
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
