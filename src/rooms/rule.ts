// A room rule with every default filled in.
import type { Check } from "../protocol/content.ts";
import { compileCheck } from "./message-schema.ts";
import { readOwner } from "./owner.ts";
import type { AccessLevel, RuleOptions } from "./rule-options.ts";
import { durationMs, sizeBytes } from "./units.ts";

/** Limits for a room's stored publications. */
export interface Retention {
  readonly count: number;
  /** In ms. */
  readonly age: number;
  readonly bytes: number;
  /** `"memory"`: stored only in memory, even if the log has a file. */
  readonly store?: "memory" | undefined;
  /** `"at-once"`: a publication is delivered before it is stored. Otherwise, it is delivered after it is stored. */
  readonly deliver?: "kept" | "at-once" | undefined;
}

/** Returns true if the log stores the room's publications in a file or in Redis, not only in memory. */
export function isKept({ count, store }: Retention): boolean {
  return count > 0 && store !== "memory";
}

/** `PresenceOptions` with every default filled in. */
export interface PresenceRule {
  /** The time from the end of a user's last session until the user counts as gone, in ms. */
  readonly grace: number;
  /** The maximum number of users listed by name. */
  readonly list: number;
  /** Whether the `info` claim of tokens is included. */
  readonly info: boolean;
}

/** A rule with every default filled in. */
export interface Rule {
  readonly pattern: string;
  readonly retention: Retention;
  readonly lag: "catch-up" | "latest" | "disconnect";
  readonly join: AccessLevel;
  readonly publish: AccessLevel | "members";
  /** The level required to read stored publications. */
  readonly history: AccessLevel;
  /** The level required to list members and receive presence. */
  readonly members: AccessLevel;
  /** Undefined if the rule has no presence. */
  readonly presence?: PresenceRule;
  /** Returns the user who owns a room, if the pattern contains `{id}`. */
  readonly ownerOf: (room: string) => string | undefined;
  /** Frames larger than this are compressed, in bytes. Infinity disables compression. */
  readonly compressOver: number;
  /** Whether streams are compressed for clients that accept gzip. */
  readonly compressStreams: boolean;
  /** Set for `thump:*` rooms, in which only the server publishes. */
  readonly reserved?: true;
  /** Returns the validation errors for a publication's data. Undefined if the rule has no schema. */
  readonly check?: Check;
}

const DEFAULT_RETENTION: Retention = { count: 1000, age: 600_000, bytes: 1 << 20 };
export const DEFAULT_PRESENCE: PresenceRule = { grace: 5000, list: 100, info: true };
/** Compressing smaller frames is expensive and saves little. See the measurements in docs/limits.md. */
const COMPRESS_OVER_BYTES = 1024;
const NO_RETENTION: Retention = { count: 0, age: 0, bytes: 0 };

/**
 * Fills in the defaults. `options` must have passed the `RuleOptions` schema.
 * @param level the access level for actions that the options do not mention
 */
export function resolveRule(pattern: string, options: RuleOptions = {}, level: AccessLevel = "anyone"): Rule {
  const { history, schema, join = level } = options;
  // Every rule gets its own retention object, because the log identifies a rule by this object.
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
