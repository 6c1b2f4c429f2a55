// Where publications are kept: what people write, and what it becomes.
import { type Static, Type } from "typebox";
import { Size } from "../rooms/rule.ts";
import { sizeBytes } from "../rooms/units.ts";

export const StoreOptions = Type.Object(
  {
    kind: Type.Union([Type.Literal("memory"), Type.Literal("sqlite")]),
    dir: Type.Optional(Type.String({ minLength: 1 })),
    durability: Type.Optional(Type.Union([Type.Literal("normal"), Type.Literal("fsync")])),
    size: Type.Optional(Size),
  },
  { additionalProperties: false },
);

/**
 * - `kind`: `memory` (default): nothing outlives the process; `sqlite`: in one file in the folder `dir`, which does.
 * - `durability`: what an acknowledgement promises: `normal` (default) outlives the process, `fsync` a power cut too.
 * - `size`: how large the file may become; past it publishes are refused as on a full disk (default: no limit).
 */
export type StoreOptions = Static<typeof StoreOptions>;

/** The same with every default filled in; sizes in bytes. */
export type StoreSettings =
  | { kind: "memory" }
  | { kind: "sqlite"; dir: string; durability: "fsync" | "normal"; size: number | undefined };

/** What the schema cannot see: which fields go with which kind. */
export function storeFault({ kind, ...given }: StoreOptions): string | undefined {
  if (kind === "sqlite")
    return given.dir === undefined ? "dir is required: the folder of the file" : undefined;
  const [field] = Object.keys(given);
  return field && `${field} goes with kind "sqlite"`;
}

/** @param given must have no fault */
export function resolveStore({ kind, dir, durability = "normal", size }: StoreOptions): StoreSettings {
  if (kind === "memory" || dir === undefined) return { kind: "memory" };
  return { kind, dir, durability, size: size === undefined ? undefined : sizeBytes(size) };
}
