// Options of a room rule: types for the config, their schemas, and checks that a schema cannot express.
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
 * The clients that may perform an action in a room:
 * - `"anyone"`: every client, even without a token
 * - `"users"`: clients whose token names a user
 * - `"granted"`: clients whose token grants the action in this room
 * - `"owner"`: the user whose name matches `{id}` in the rule's pattern
 * - `"server"`: API keys, and code in the server process
 *
 * No level includes another: for example, a grant does not give access to an owner's room.
 */
export type AccessLevel = "anyone" | "users" | "granted" | "owner" | "server";

/** The retention of a room. The oldest publications are removed when any of the limits is exceeded. */
export interface HistoryOptions {
  /**
   * The clients that may read stored publications.
   * @default the level of `join`
   * @example "users"
   */
  read?: AccessLevel;
  /**
   * The maximum number of stored publications, 0 to 1,000,000.
   * @default 1000
   * @example 200
   */
  count?: number;
  /**
   * The maximum age of a stored publication: seconds, or a string with a unit.
   * @default "10m"
   * @example "1h"
   */
  age?: Duration;
  /**
   * The maximum total size of the room's stored publications: bytes, or a string with a unit. Each publication counts
   * as 256 bytes plus the size of its data.
   * @default "1MiB"
   * @example "64MiB"
   */
  bytes?: Size;
  /**
   * `"memory"` stores the publications of these rooms only in memory: they are lost on a restart.
   * @default the configured `store`
   * @example "memory"
   */
  store?: "memory";
  /**
   * When a publication is delivered: after (`"kept"`) or before (`"at-once"`) it is stored in the data file. With
   * `"at-once"`, a crash can lose publications that subscribers have received.
   * @default "kept"
   * @example "at-once"
   */
  deliver?: "kept" | "at-once";
}

/** Presence in a room: notifies clients that request it when users join or leave. */
export interface PresenceOptions {
  /**
   * The time from the end of a user's last session until the user counts as gone: seconds, or a string with a unit. At
   * most 10 minutes.
   * @default "5s"
   * @example "30s"
   */
  grace?: Duration;
  /**
   * The maximum number of users listed by name, 0 to 1,000. For a larger room, only counts are sent.
   * @default 100
   * @example 0
   */
  list?: number;
  /**
   * Whether to include the `info` claim of each user's token.
   * @default true
   * @example false
   */
  info?: boolean;
}

/** Options for all rooms whose names match the rule's pattern. */
export interface RuleOptions {
  /**
   * Retention: which publications are stored for clients that join or resume. `false` stores nothing, so even a short
   * disconnect causes a gap.
   * @default { count: 1000, age: "10m", bytes: "1MiB" }
   * @example { count: 200, age: "1h" }
   */
  history?: false | HistoryOptions;
  /**
   * The policy for sessions that read more slowly than the room publishes. `"catch-up"` sends the missed publications
   * from the history. `"latest"` skips to the newest publication of each event. `"disconnect"` closes the session with
   * code 4503.
   * @default "catch-up"
   * @example "latest"
   */
  lag?: "catch-up" | "latest" | "disconnect";
  /**
   * The clients that may subscribe.
   * @default "anyone" on a server without credentials, "granted" with credentials
   * @example "owner"
   */
  join?: AccessLevel;
  /**
   * The clients that may publish: an access level, or `"members"` for sessions that are in the room.
   * @default "anyone" on a server without credentials, "granted" with credentials
   * @example "server"
   */
  publish?: AccessLevel | "members";
  /**
   * The clients that may list the room's members and receive presence notifications.
   * @default the level of `join`
   * @example "users"
   */
  members?: AccessLevel;
  /**
   * Notifies clients that request presence when users join or leave. `true` selects the defaults of `PresenceOptions`;
   * `false` disables presence.
   * @default false
   * @example { grace: "30s", list: 50 }
   */
  presence?: boolean | PresenceOptions;
  /**
   * The schema for the data of every publication: TypeBox, JSON Schema, or a Standard Schema (Zod, Valibot, ArkType)
   * that validates synchronously. Data that does not match is refused with `invalid` (422). The output of a Standard
   * Schema, such as its defaults, is ignored.
   * @default undefined: any data
   * @example Type.Object({ text: Type.String() })
   */
  schema?: object | boolean;
  /**
   * Compression. `"streams"` compresses event streams and NDJSON for clients that accept gzip. Each chunk is compressed
   * once for all clients. `true` or `{ over }` also compresses WebSocket frames of more than `over` bytes (1 KiB for
   * `true`), separately for each subscriber.
   * @default false
   * @example { over: "4KiB" }
   */
  compress?: boolean | "streams" | CompressOptions;
}

/** Compression of WebSocket frames. */
export interface CompressOptions {
  /**
   * Frames above this size are compressed: bytes, or a string with a unit.
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

/**
 * Checks what the schema cannot express. Returns the invalid field and the reason; undefined if the options are valid.
 */
export function ruleFault(pattern: string, options: RuleOptions): [field: string, why: string] | undefined {
  if (pattern.startsWith(RESERVED))
    return ["the name", `begins with "${RESERVED}", which is reserved for the server`];
  const { join, publish, members, history, presence, schema } = options;
  const wrong = schema === undefined ? undefined : schemaFault(schema);
  if (wrong !== undefined) return ["schema", wrong];
  const { grace = 0 } = typeof presence === "object" ? presence : {};
  // The grace period is limited because a user who passes through many rooms is remembered in each room for this time.
  if (durationMs(grace) > MAX_GRACE_MS) return ["presence › grace", "is longer than 10 minutes"];
  const levels = { join, publish, members, "history › read": history ? history.read : undefined };
  const [field] = Object.entries(levels).find(([, level]) => level === "owner") ?? [];
  if (field === undefined || ownerPart(pattern) !== undefined) return undefined;
  return [
    field,
    'is "owner": the pattern must contain {id} between colons, with no * before it, such as "user:{id}"',
  ];
}
