// A room rule with every default filled in.
import type { Check } from "../protocol/content.ts";
import { compileCheck } from "./message-schema.ts";
import { readOwner } from "./owner.ts";
import type { AccessLevel, RuleOptions } from "./rule-options.ts";
import { durationMs, sizeBytes } from "./units.ts";

/** How much of a room is kept. Age in ms. */
export interface Retention {
  readonly count: number;
  readonly age: number;
  readonly bytes: number;
  /** Kept in memory alone, also where the log has another place. */
  readonly store?: "memory" | undefined;
  /** `at-once`: delivered before it is kept. Else after. */
  readonly deliver?: "kept" | "at-once" | undefined;
}

/** Whether what is kept of a room goes to the log's own place, where it has one; else it is in memory alone. */
export function isKept({ count, store }: Retention): boolean {
  return count > 0 && store !== "memory";
}

/** How presence is kept and told. */
export interface PresenceRule {
  /** How long a user without a session is still present, in ms. */
  readonly grace: number;
  /** So many users are named; of more there are counts. */
  readonly list: number;
  /** Whether what tokens say about users is told. */
  readonly info: boolean;
}

/** A rule with every default filled in. */
export interface Rule {
  readonly pattern: string;
  readonly retention: Retention;
  readonly lag: "catch-up" | "latest" | "disconnect";
  readonly join: AccessLevel;
  readonly publish: AccessLevel | "members";
  /** Who may read what is kept. */
  readonly history: AccessLevel;
  /** Who may see who is there. */
  readonly members: AccessLevel;
  /** Absent where nobody is told who comes and goes. */
  readonly presence?: PresenceRule;
  /** The user that a room of this rule belongs to, where the pattern says so. */
  readonly ownerOf: (room: string) => string | undefined;
  /** Frames of more bytes than this are deflated. Infinite: none. */
  readonly compressOver: number;
  /** Streams are gzip for clients that accept it. */
  readonly compressStreams: boolean;
  /** It is of a room of the server's own: nobody else publishes there. */
  readonly reserved?: true;
  /** Says what is wrong with a publication's data, or nothing. Absent when the rule has no schema. */
  readonly check?: Check;
}

const DEFAULT_RETENTION: Retention = { count: 1000, age: 600_000, bytes: 1 << 20 };
export const DEFAULT_PRESENCE: PresenceRule = { grace: 5000, list: 100, info: true };
/** Below it deflating costs much and saves little: docs/limits.md has the figures. */
const COMPRESS_OVER_BYTES = 1024;
const NO_RETENTION: Retention = { count: 0, age: 0, bytes: 0 };

/**
 * Fills in the defaults. `options` must have passed the `RuleOptions` schema.
 * @param level who may do what the options do not speak of
 */
export function resolveRule(pattern: string, options: RuleOptions = {}, level: AccessLevel = "anyone"): Rule {
  const { history, schema, join = level } = options;
  // Each rule has bounds of its own: the log tells rules apart by them.
  const retention: Retention =
    history === false
      ? { ...NO_RETENTION }
      : {
          count: history?.count ?? DEFAULT_RETENTION.count,
          age: history?.age === undefined ? DEFAULT_RETENTION.age : durationMs(history.age),
          bytes: history?.bytes === undefined ? DEFAULT_RETENTION.bytes : sizeBytes(history.bytes),
          ...(history?.store && { store: history.store }),
          ...(history?.deliver && { deliver: history.deliver }),
        };
  return {
    pattern,
    retention,
    lag: options.lag ?? "catch-up",
    join,
    publish: options.publish ?? level,
    history: (history === false ? undefined : history?.read) ?? join,
    members: options.members ?? join,
    ownerOf: readOwner(pattern),
    ...resolvePresence(options.presence),
    compressOver: compressOver(options.compress),
    compressStreams: options.compress !== undefined && options.compress !== false,
    ...(schema === undefined ? {} : { check: compileCheck(schema) }),
  };
}

function resolvePresence(presence: RuleOptions["presence"]): { presence?: PresenceRule } {
  if (!presence) return {};
  const { grace, ...given } = presence === true ? {} : presence;
  const ms = grace === undefined ? {} : { grace: durationMs(grace) };
  return { presence: { ...DEFAULT_PRESENCE, ...given, ...ms } };
}

function compressOver(compress: RuleOptions["compress"]): number {
  if (typeof compress === "object") return sizeBytes(compress.over);
  return compress === true ? COMPRESS_OVER_BYTES : Number.POSITIVE_INFINITY;
}
