// Where publications are kept: what people write, and what it becomes.
import { type Static, Type } from "typebox";
import { parseRedisAddress } from "../../log/redis/address.ts";
import { Duration, Size } from "../../rooms/rule.ts";
import { durationMs, sizeBytes } from "../../rooms/units.ts";

export const StoreOptions = Type.Object(
  {
    kind: Type.Union([Type.Literal("memory"), Type.Literal("sqlite"), Type.Literal("redis")]),
    dir: Type.Optional(Type.String({ minLength: 1 })),
    durability: Type.Optional(Type.Union([Type.Literal("normal"), Type.Literal("fsync")])),
    size: Type.Optional(Size),
    url: Type.Optional(Type.String({ minLength: 1 })),
    prefix: Type.Optional(Type.String({ pattern: "^[A-Za-z0-9_.:-]{1,64}$" })),
    patience: Type.Optional(Duration),
    check: Type.Optional(Duration),
    lease: Type.Optional(Duration),
  },
  { additionalProperties: false },
);

/**
 * - `kind`: `memory` (default): nothing outlives the process; `sqlite`: in one file in the folder `dir`, which does;
 *   `redis`: in the Redis at `url`, for several nodes.
 * - `sqlite`: `durability`: what an acknowledgement promises: `normal` (default) outlives the process, `fsync` a power
 *   cut too. `size`: how large the file may become; past it publishes are refused as on a full disk (default: no limit).
 * - `redis`: `prefix`: what the names of its keys begin with (thump); `patience`: how long a publication waits for
 *   Redis (5s); `check`: how often a node asks whether it missed anything (5s); `lease`: how long a node that is not
 *   heard of counts as there, with all who are on it (6s).
 */
export type StoreOptions = Static<typeof StoreOptions>;
type Kind = StoreOptions["kind"];

/** The same with every default filled in; sizes in bytes, durations in ms. */
export type StoreSettings =
  | { kind: "memory" }
  | { kind: "sqlite"; dir: string; durability: "fsync" | "normal"; size: number | undefined }
  | { kind: "redis"; url: string; prefix: string; patience: number; check: number; lease: number };

const FIELDS: Record<Kind, { required?: [field: keyof StoreOptions, what: string]; others: string[] }> = {
  memory: { others: [] },
  sqlite: { required: ["dir", "the folder of the file"], others: ["durability", "size"] },
  redis: { required: ["url", "where it is"], others: ["prefix", "patience", "check", "lease"] },
};

/** What the schema cannot see: which fields go with which kind, and an address that is none. */
export function storeFault({ kind, ...given }: StoreOptions): string | undefined {
  const { required: [required, what] = [], others } = FIELDS[kind];
  if (required && !(required in given)) return `${required} is required: ${what}`;
  const stray = Object.keys(given).find((field) => field !== required && !others.includes(field));
  if (stray !== undefined) return `${stray} does not go with kind "${kind}"`;
  return kind === "redis" ? addressFault(given.url ?? "") : undefined;
}

function addressFault(url: string): string | undefined {
  try {
    parseRedisAddress(url);
    return undefined;
  } catch (error) {
    return `url ${(error as Error).message}`;
  }
}

/** @param given must have no fault */
export function resolveStore(given: StoreOptions): StoreSettings {
  const { kind, dir = "", durability = "normal", size, url = "", prefix = "thump" } = given;
  if (kind === "memory") return { kind };
  if (kind === "sqlite")
    return { kind, dir, durability, size: size === undefined ? undefined : sizeBytes(size) };
  const { patience = 5, check = 5, lease = 6 } = given;
  return {
    kind,
    url,
    prefix,
    patience: Math.max(100, durationMs(patience)),
    check: Math.max(100, durationMs(check)),
    lease: Math.max(300, durationMs(lease)),
  };
}
