// The `store` option: where publications are stored.
import { Type } from "typebox";
import { parseRedisAddress } from "../../log/redis/address.ts";
import { schemaOf } from "../../protocol/exact-schema.ts";
import { type Duration, DurationSchema, type Size, SizeSchema } from "../../rooms/rule-options.ts";
import { durationMs, sizeBytes } from "../../rooms/units.ts";

/**
 * Storage of publications. `dir`, `durability` and `size` apply to `kind: "sqlite"`; `url`, `prefix`, `patience`,
 * `check` and `lease` to `kind: "redis"`. A change requires a restart.
 */
export interface StoreOptions {
  /**
   * `"memory"`: publications are lost when the process ends. `"sqlite"`: a file that survives restarts. `"redis"`:
   * Redis, which several nodes can share.
   * @example "sqlite"
   */
  kind: "memory" | "sqlite" | "redis";
  /**
   * SQLite: directory that contains the file. It is created if it does not exist.
   * @default none: required for `kind: "sqlite"`
   * @example "./data"
   */
  dir?: string;
  /**
   * SQLite: the failures that an acknowledged publication survives. `"normal"`: a process crash. `"fsync"`: a process
   * crash or a power failure.
   * @default "normal"
   * @example "fsync"
   */
  durability?: "normal" | "fsync";
  /**
   * SQLite: maximum size of the file. Bytes, or a string with a unit. When the file reaches this size, publications
   * fail as they do on a full disk.
   * @default undefined: limited by the disk
   * @example "10GiB"
   */
  size?: Size;
  /**
   * Redis: URL of the server, the Sentinels or the Cluster.
   * @default none: required for `kind: "redis"`
   * @example "redis://10.0.0.5:6379"
   */
  url?: string;
  /**
   * Redis: prefix of all keys and channels. 1 to 64 letters, digits, `_`, `.`, `:` or `-`. Nodes with the same prefix
   * form a cluster.
   * @default "thump"
   * @example "thump:eu"
   */
  prefix?: string;
  /**
   * Redis: how long a publication, read or join may wait, and how long Redis may stay silent. Seconds, or a string with
   * a unit. At least 100 ms.
   * @default "5s"
   * @example "2s"
   */
  patience?: Duration;
  /**
   * Redis: interval at which a node checks for missed publications. Seconds, or a string with a unit. At least 100 ms.
   * @default "5s"
   * @example "1s"
   */
  check?: Duration;
  /**
   * Redis: time after which a silent node and all of its users count as gone. Seconds, or a string with a unit. At
   * least 300 ms.
   * @default "6s"
   * @example "15s"
   */
  lease?: Duration;
}

export const StoreSchema = schemaOf<StoreOptions>()(
  Type.Object(
    {
      kind: Type.Union([Type.Literal("memory"), Type.Literal("sqlite"), Type.Literal("redis")]),
      dir: Type.Optional(Type.String({ minLength: 1 })),
      durability: Type.Optional(Type.Union([Type.Literal("normal"), Type.Literal("fsync")])),
      size: Type.Optional(SizeSchema),
      url: Type.Optional(Type.String({ minLength: 1 })),
      prefix: Type.Optional(Type.String({ pattern: "^[A-Za-z0-9_.:-]{1,64}$" })),
      patience: Type.Optional(DurationSchema),
      check: Type.Optional(DurationSchema),
      lease: Type.Optional(DurationSchema),
    },
    { additionalProperties: false },
  ),
);

type Kind = StoreOptions["kind"];

/** `StoreOptions` with every default filled in; sizes in bytes, durations in ms. */
export type StoreSettings =
  | { kind: "memory" }
  | { kind: "sqlite"; dir: string; durability: "fsync" | "normal"; size: number | undefined }
  | { kind: "redis"; url: string; prefix: string; patience: number; check: number; lease: number };

const FIELDS: Record<Kind, { required?: [field: keyof StoreOptions, what: string]; others: string[] }> = {
  memory: { others: [] },
  sqlite: { required: ["dir", "the folder for the file"], others: ["durability", "size"] },
  redis: { required: ["url", "the URL of Redis"], others: ["prefix", "patience", "check", "lease"] },
};

/** Checks the fields of each kind, and the URL. Returns the error, or undefined. */
export function storeFault({ kind, ...given }: StoreOptions): string | undefined {
  const { required: [required, what] = [], others } = FIELDS[kind];
  if (required && !(required in given)) return `${required} is required: ${what}`;
  const stray = Object.keys(given).find((field) => field !== required && !others.includes(field));
  if (stray !== undefined) return `${stray} does not apply to kind "${kind}"`;
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

/** Fills in the defaults. @param given options without a fault */
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
