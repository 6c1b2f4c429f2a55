// Where publications are kept: what people write, and what it becomes.
import { type Static, Type } from "typebox";
import { readAddress } from "../log/redis/address.ts";
import { Duration } from "../rooms/rule.ts";
import { durationMs } from "../rooms/units.ts";

const InMemory = Type.Object({ kind: Type.Literal("memory") }, { additionalProperties: false });
const InRedis = Type.Object(
  {
    kind: Type.Literal("redis"),
    url: Type.String({ minLength: 1 }),
    prefix: Type.Optional(Type.String({ pattern: "^[A-Za-z0-9_.:-]{1,64}$" })),
    patience: Type.Optional(Duration),
    check: Type.Optional(Duration),
  },
  { additionalProperties: false },
);

export const StoreOptions = Type.Union([InMemory, InRedis]);

/**
 * - `{ kind: "memory" }` (default): nothing outlives the process.
 * - `{ kind: "redis", url }`: in Redis, for several nodes. `prefix`: what the names of its keys begin with (thump);
 *   `patience`: how long a publication waits for Redis (5s); `check`: how often a node asks whether it missed
 *   anything (5s).
 */
export type StoreOptions = Static<typeof StoreOptions>;

/** The same with every default filled in; durations in ms. */
export type StoreSettings =
  { kind: "memory" } | { kind: "redis"; url: string; prefix: string; patience: number; check: number };

export function resolveStore(given: StoreOptions = { kind: "memory" }): StoreSettings {
  if (given.kind === "memory") return { kind: "memory" };
  const { url, prefix = "thump", patience = 5, check = 5 } = given;
  return {
    kind: "redis",
    url,
    prefix,
    patience: Math.max(100, durationMs(patience)),
    check: Math.max(100, durationMs(check)),
  };
}

/** What is wrong with where it is to be kept, that the schema cannot see. */
export function storeFault(given: StoreOptions = { kind: "memory" }): string | undefined {
  if (given.kind === "memory") return undefined;
  try {
    readAddress(given.url);
    return undefined;
  } catch (error) {
    return `url ${(error as Error).message}`;
  }
}
