// A room rule: what people write, its schema, and what it becomes.
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { fieldErrors } from "../protocol/check.ts";
import type { FieldError } from "../protocol/codes.ts";
import { DURATION_FORM, durationMs, SIZE_FORM, sizeBytes } from "./units.ts";

/** A number of seconds, or "90s", "1h". */
export const Duration = Type.Union([Type.Number({ minimum: 0 }), Type.String({ pattern: DURATION_FORM })]);
/** A number of bytes, or "64KiB". */
export const Size = Type.Union([Type.Number({ minimum: 0 }), Type.String({ pattern: SIZE_FORM })]);

export const History = Type.Object(
  {
    count: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
    age: Type.Optional(Duration),
    bytes: Type.Optional(Size),
  },
  { additionalProperties: false },
);

export const RuleOptions = Type.Object(
  {
    history: Type.Optional(Type.Union([Type.Literal(false), History])),
    lag: Type.Optional(
      Type.Union([Type.Literal("catch-up"), Type.Literal("latest"), Type.Literal("disconnect")]),
    ),
    join: Type.Optional(Type.Union([Type.Literal("anyone"), Type.Literal("server")])),
    publish: Type.Optional(
      Type.Union([Type.Literal("anyone"), Type.Literal("members"), Type.Literal("server")]),
    ),
    schema: Type.Optional(Type.Union([Type.Object({}), Type.Boolean()])),
  },
  { additionalProperties: false },
);

/**
 * The options of all rooms whose names match a pattern.
 * - `history`: what is kept: at most `count` publications, for `age`, in `bytes`; `false` keeps nothing.
 *   Default: 1,000 publications, 10 minutes, 1 MiB. Bytes count 256 a publication beside its data.
 * - `lag`: what happens to a session that falls behind: `catch-up` (default) from what is kept,
 *   `latest` skips to the newest publication of each event, `disconnect` closes it with 4503.
 * - `join`: who may listen and read history: `anyone` (default), or `server`: only code in this process.
 * - `publish`: who may publish: `anyone` (default), `members`: sessions that are in the room, or `server`.
 * - `schema`: a TypeBox or JSON Schema that the data of every publication must fit.
 */
export type RuleOptions = Static<typeof RuleOptions>;

/** How much of a room is kept. Age in ms. */
export interface Bounds {
  readonly count: number;
  readonly age: number;
  readonly bytes: number;
}

/** A rule with every default filled in. */
export interface Rule {
  readonly pattern: string;
  readonly bounds: Bounds;
  readonly lag: "catch-up" | "latest" | "disconnect";
  readonly join: "anyone" | "server";
  readonly publish: "anyone" | "members" | "server";
  /** Says what is wrong with a publication's data, or nothing. Absent when the rule has no schema. */
  readonly check?: (value: unknown) => FieldError[] | undefined;
}

const DEFAULT: Bounds = { count: 1000, age: 600_000, bytes: 1 << 20 };
const NOTHING: Bounds = { count: 0, age: 0, bytes: 0 };

/** Fills in the defaults. `options` must have passed the `RuleOptions` schema. */
export function resolveRule(pattern: string, options: RuleOptions = {}): Rule {
  const { history, schema } = options;
  // Each rule has bounds of its own: the log tells rules apart by them.
  const bounds: Bounds =
    history === false
      ? { ...NOTHING }
      : {
          count: history?.count ?? DEFAULT.count,
          age: history?.age === undefined ? DEFAULT.age : durationMs(history.age),
          bytes: history?.bytes === undefined ? DEFAULT.bytes : sizeBytes(history.bytes),
        };
  return {
    pattern,
    bounds,
    lag: options.lag ?? "catch-up",
    join: options.join ?? "anyone",
    publish: options.publish ?? "anyone",
    ...(schema === undefined ? {} : { check: compileCheck(schema) }),
  };
}

function compileCheck(schema: object | boolean): (value: unknown) => FieldError[] | undefined {
  const checker = Compile(schema as Parameters<typeof Compile>[0]);
  return (value) => (checker.Check(value) ? undefined : fieldErrors(checker.Errors(value)));
}
