// The options of a room rule: types for the config, their schemas, and the checks that a schema cannot make.
import { Type } from "typebox";
import { schemaOf } from "../protocol/exact-schema.ts";
import { RESERVED } from "../protocol/names.ts";
import { schemaFault } from "./message-schema.ts";
import { ownerPart } from "./owner.ts";
import { DURATION_FORM, durationMs, SIZE_FORM } from "./units.ts";

/** A duration: a number of seconds, or a string with a unit (`ms`, `s`, `m`, `h`, `d`): `90`, `"500ms"`, `"1h"`. */
export type Duration = number | string;
/** A size: a number of bytes, or a string with a unit (`B`, `KB`, `MB`, `GB`, `KiB`, `MiB`, `GiB`): `"64KiB"`. */
export type Size = number | string;

/**
 * Clients that may perform an action in a room:
 * - `"anyone"`: every client, also without a token
 * - `"users"`: clients whose token names a user
 * - `"granted"`: clients whose token grants the action in this room
 * - `"owner"`: the user that `{id}` in the rule's pattern names
 * - `"server"`: API keys, and code in the server process
 *
 * Levels do not include each other: a grant does not open the room of an owner.
 */
export type AccessLevel = "anyone" | "users" | "granted" | "owner" | "server";

/** Retention of a room: the oldest publications are removed when any of the limits is exceeded. */
export interface HistoryOptions {
  /**
   * Clients that may read stored publications.
   * @default the level of `join`
   * @example "users"
   */
  read?: AccessLevel;
  /**
   * Maximum number of stored publications, 0 to 1,000,000.
   * @default 1000
   * @example 200
   */
  count?: number;
  /**
   * Maximum age of a stored publication: seconds, or a string with a unit.
   * @default "10m"
   * @example "1h"
   */
  age?: Duration;
  /**
   * Maximum size of all stored publications of the room: bytes, or a string with a unit. Every publication counts 256
   * bytes in addition to its data.
   * @default "1MiB"
   * @example "64MiB"
   */
  bytes?: Size;
  /**
   * `"memory"` keeps the publications of these rooms out of the data file: they are lost on a restart.
   * @default the configured `store`
   * @example "memory"
   */
  store?: "memory";
  /**
   * Whether a publication is delivered after (`"kept"`) or before (`"at-once"`) the data file has stored it. With
   * `"at-once"`, a crash can lose publications that subscribers have received.
   * @default "kept"
   * @example "at-once"
   */
  deliver?: "kept" | "at-once";
}

/** Presence of a room: join and leave notifications, by user, for clients that request them. */
export interface PresenceOptions {
  /**
   * Time after the end of a user's last session until the user counts as gone: seconds, or a string with a unit. At most
   * 10 minutes.
   * @default "5s"
   * @example "30s"
   */
  grace?: Duration;
  /**
   * Maximum number of users that are listed by name, 0 to 1,000. For a larger room only counts are sent.
   * @default 100
   * @example 0
   */
  list?: number;
  /**
   * Include the `info` claim of each user's token.
   * @default true
   * @example false
   */
  info?: boolean;
}

/** Options of all rooms whose names match the pattern of the rule. */
export interface RuleOptions {
  /**
   * Retention: the publications that are stored for clients that join or resume. `false` stores nothing, so even a short
   * disconnect causes a gap.
   * @default { count: 1000, age: "10m", bytes: "1MiB" }
   * @example { count: 200, age: "1h" }
   */
  history?: false | HistoryOptions;
  /**
   * Handling of a session that reads more slowly than the room publishes: `"catch-up"` sends the missed publications from
   * the history, `"latest"` skips to the newest publication of each event, `"disconnect"` closes the session with 4503.
   * @default "catch-up"
   * @example "latest"
   */
  lag?: "catch-up" | "latest" | "disconnect";
  /**
   * Clients that may subscribe.
   * @default "anyone" on a server without credentials, "granted" with credentials
   * @example "owner"
   */
  join?: AccessLevel;
  /**
   * Clients that may publish: an access level, or `"members"` for sessions that are in the room.
   * @default "anyone" on a server without credentials, "granted" with credentials
   * @example "server"
   */
  publish?: AccessLevel | "members";
  /**
   * Clients that may list the members of the room and receive presence notifications.
   * @default the level of `join`
   * @example "users"
   */
  members?: AccessLevel;
  /**
   * Join and leave notifications, by user, for clients that request them. `true` selects the defaults of
   * `PresenceOptions`; `false` tracks nothing.
   * @default false
   * @example { grace: "30s", list: 50 }
   */
  presence?: boolean | PresenceOptions;
  /**
   * Schema of the data of every publication: TypeBox, JSON Schema, or a Standard Schema (Zod, Valibot, ArkType) that
   * validates synchronously. Data that does not match is refused with `invalid` (422). The output of a Standard Schema,
   * such as its defaults, is ignored.
   * @default undefined: any data
   * @example Type.Object({ text: Type.String() })
   */
  schema?: object | boolean;
  /**
   * Compression. `"streams"` compresses event streams and NDJSON for clients that accept gzip, once for all of them.
   * `true` or `{ over }` also compresses WebSocket frames of more than `over` bytes (1 KiB for `true`), separately for
   * each subscriber.
   * @default false
   * @example { over: "4KiB" }
   */
  compress?: boolean | "streams" | CompressOptions;
}

/** Compression of WebSocket frames. */
export interface CompressOptions {
  /**
   * Size above which a frame is compressed: bytes, or a string with a unit.
   * @example "4KiB"
   */
  over: Size;
}

export const DurationSchema = Type.Union([
  Type.Number({ minimum: 0 }),
  Type.String({ pattern: DURATION_FORM }),
]);
export const SizeSchema = Type.Union([Type.Number({ minimum: 0 }), Type.String({ pattern: SIZE_FORM })]);

const LevelSchema = Type.Union([
  Type.Literal("anyone"),
  Type.Literal("users"),
  Type.Literal("granted"),
  Type.Literal("owner"),
  Type.Literal("server"),
]);

const HistorySchema = Type.Object(
  {
    read: Type.Optional(LevelSchema),
    count: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
    age: Type.Optional(DurationSchema),
    bytes: Type.Optional(SizeSchema),
    store: Type.Optional(Type.Literal("memory")),
    deliver: Type.Optional(Type.Union([Type.Literal("kept"), Type.Literal("at-once")])),
  },
  { additionalProperties: false },
);

const PresenceSchema = Type.Object(
  {
    grace: Type.Optional(DurationSchema),
    list: Type.Optional(Type.Integer({ minimum: 0, maximum: 1000 })),
    info: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

export const RuleSchema = schemaOf<RuleOptions>()(
  Type.Object(
    {
      history: Type.Optional(Type.Union([Type.Literal(false), HistorySchema])),
      lag: Type.Optional(
        Type.Union([Type.Literal("catch-up"), Type.Literal("latest"), Type.Literal("disconnect")]),
      ),
      join: Type.Optional(LevelSchema),
      publish: Type.Optional(Type.Union([...LevelSchema.anyOf, Type.Literal("members")])),
      members: Type.Optional(LevelSchema),
      presence: Type.Optional(Type.Union([Type.Boolean(), PresenceSchema])),
      // ArkType schemas are functions: `ruleFault` checks the value.
      schema: Type.Optional(Type.Unsafe<object | boolean>({})),
      compress: Type.Optional(
        Type.Union([
          Type.Boolean(),
          Type.Literal("streams"),
          Type.Object({ over: SizeSchema }, { additionalProperties: false }),
        ]),
      ),
    },
    { additionalProperties: false },
  ),
);

const MAX_GRACE_MS = 600_000;

/** Checks what the schema cannot. Returns the wrong field and the reason, or undefined. */
export function ruleFault(pattern: string, options: RuleOptions): [field: string, why: string] | undefined {
  if (pattern.startsWith(RESERVED))
    return ["the name", `begins with "${RESERVED}": such rooms are the server's own`];
  const { join, publish, members, history, presence, schema } = options;
  const wrong = schema === undefined ? undefined : schemaFault(schema);
  if (wrong !== undefined) return ["schema", wrong];
  const { grace = 0 } = typeof presence === "object" ? presence : {};
  // A user who passes through many rooms is remembered in each of them for this time.
  if (durationMs(grace) > MAX_GRACE_MS) return ["presence › grace", "is over 10 minutes"];
  const levels = { join, publish, members, "history › read": history ? history.read : undefined };
  const [field] = Object.entries(levels).find(([, level]) => level === "owner") ?? [];
  if (field === undefined || ownerPart(pattern) !== undefined) return undefined;
  return [
    field,
    'is "owner": the pattern must have {id} as one of its parts between colons, and no * before it, as "user:{id}"',
  ];
}
