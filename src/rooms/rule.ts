// A room rule: what people write, its schema, and what it becomes.
import { type Static, Type } from "typebox";
import type { Check } from "../protocol/content.ts";
import { RESERVED } from "../protocol/names.ts";
import { ownerPart, readOwner } from "./owner.ts";
import { compileCheck, schemaFault } from "./message-schema.ts";
import { DURATION_FORM, durationMs, SIZE_FORM, sizeBytes } from "./units.ts";

/** A number of seconds, or "90s", "1h". */
export const Duration = Type.Union([Type.Number({ minimum: 0 }), Type.String({ pattern: DURATION_FORM })]);
/** A number of bytes, or "64KiB". */
export const Size = Type.Union([Type.Number({ minimum: 0 }), Type.String({ pattern: SIZE_FORM })]);

/** Who may do something in a room. Exact, not a ladder: an owner's room is not opened by a grant. */
export const AccessLevel = Type.Union([
  Type.Literal("anyone"),
  Type.Literal("users"),
  Type.Literal("granted"),
  Type.Literal("owner"),
  Type.Literal("server"),
]);
export type AccessLevel = Static<typeof AccessLevel>;

export const History = Type.Object(
  {
    read: Type.Optional(AccessLevel),
    count: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
    age: Type.Optional(Duration),
    bytes: Type.Optional(Size),
    store: Type.Optional(Type.Literal("memory")),
    deliver: Type.Optional(Type.Union([Type.Literal("kept"), Type.Literal("at-once")])),
  },
  { additionalProperties: false },
);

export const PresenceOptions = Type.Object(
  {
    grace: Type.Optional(Duration),
    list: Type.Optional(Type.Integer({ minimum: 0, maximum: 1000 })),
    info: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

export const RuleOptions = Type.Object(
  {
    history: Type.Optional(Type.Union([Type.Literal(false), History])),
    lag: Type.Optional(
      Type.Union([Type.Literal("catch-up"), Type.Literal("latest"), Type.Literal("disconnect")]),
    ),
    join: Type.Optional(AccessLevel),
    publish: Type.Optional(Type.Union([...AccessLevel.anyOf, Type.Literal("members")])),
    members: Type.Optional(AccessLevel),
    presence: Type.Optional(Type.Union([Type.Boolean(), PresenceOptions])),
    // What is no schema is found by `ruleFault`: ArkType's are functions.
    schema: Type.Optional(Type.Unsafe<object | boolean>({})),
    compress: Type.Optional(
      Type.Union([
        Type.Boolean(),
        Type.Literal("streams"),
        Type.Object({ over: Size }, { additionalProperties: false }),
      ]),
    ),
  },
  { additionalProperties: false },
);

/**
 * The options of all rooms whose names match a pattern.
 * - `history`: what is kept: at most `count` publications, for `age`, in `bytes`; `false` keeps nothing.
 *   Default: 1,000 publications, 10 minutes, 1 MiB. Bytes count 256 a publication beside its data.
 * - `lag`: what happens to a session that falls behind: `catch-up` (default) from what is kept,
 *   `latest` skips to the newest publication of each event, `disconnect` closes it with 4503.
 *   `read`: who may read it (default: who may join). With a log that outlives the process: `store: "memory"` keeps
 *   these rooms out of it; `deliver: "at-once"` does not wait until a publication is kept (default: "kept").
 * - `join`: who may listen: `anyone`; `users`: whose token names a user; `granted`: whose token grants it;
 *   `owner`: the user that `{id}` in the pattern names; `server`: code in this process and API keys.
 *   Default: `granted` once the server has a secret, a key or an API key, else `anyone`.
 * - `publish`: who may publish: the same, and `members`: sessions that are in the room.
 * - `members`: who may see who is there (default: who may join).
 * - `presence`: who comes and goes is told to those who ask, by user: somebody has left once the last of their sessions
 *   has been gone for `grace` (5 s). Above `list` users (100, at most 1,000) there are counts, and no names. `info`
 *   (true): what a token says about its user is told too. Default: `false`, nothing is kept and nothing told.
 * - `schema`: what the data of every publication must fit: TypeBox, JSON Schema, or a Standard Schema (Zod, Valibot,
 *   ArkType) that validates synchronously and whose output is ignored.
 * - `compress`: `streams`: event streams and NDJSON are gzip for clients that accept it. `true` or `{ over }`: frames of
 *   sockets that agreed to it are deflated too, those of more than `over` bytes (1 KiB). Default: false.
 */
export type RuleOptions = Static<typeof RuleOptions>;

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
/** In ms. */
const MAX_GRACE_MS = 600_000;
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

/** What is wrong with a rule that its schema cannot see: the field, and why. */
export function ruleFault(pattern: string, options: RuleOptions): [field: string, why: string] | undefined {
  if (pattern.startsWith(RESERVED))
    return ["the name", `begins with "${RESERVED}": such rooms are the server's own`];
  const { join, publish, members, history, presence, schema } = options;
  const wrong = schema === undefined ? undefined : schemaFault(schema);
  if (wrong !== undefined) return ["schema", wrong];
  const { grace = 0 } = typeof presence === "object" ? presence : {};
  // Whoever passes through many rooms is remembered in each of them for so long.
  if (durationMs(grace) > MAX_GRACE_MS) return ["presence › grace", "is over 10 minutes"];
  const levels = { join, publish, members, "history › read": history ? history.read : undefined };
  const [field] = Object.entries(levels).find(([, level]) => level === "owner") ?? [];
  if (field === undefined || ownerPart(pattern) !== undefined) return undefined;
  return [
    field,
    'is "owner": the pattern must have {id} as one of its parts between colons, and no * before it, as "user:{id}"',
  ];
}
