// Where publications are kept: what people write, and what it becomes.
import { type Static, Type } from "typebox";
import { Size } from "../rooms/rule.ts";
import { sizeBytes } from "../rooms/units.ts";

const InMemory = Type.Object({ kind: Type.Literal("memory") }, { additionalProperties: false });
const InFile = Type.Object(
  {
    kind: Type.Literal("sqlite"),
    dir: Type.String({ minLength: 1 }),
    durability: Type.Optional(Type.Union([Type.Literal("fsync"), Type.Literal("normal")])),
    size: Type.Optional(Size),
  },
  { additionalProperties: false },
);

export const StoreOptions = Type.Union([InMemory, InFile]);

/**
 * - `{ kind: "memory" }` (default): nothing outlives the process.
 * - `{ kind: "sqlite", dir }`: in one file in a folder, which outlives it. `durability`: what an acknowledgement
 *   promises: `normal` (default) outlives the process, `fsync` a power cut too. `size`: how large the file may become;
 *   past it publishes are refused as on a full disk (default: as the disk allows).
 */
export type StoreOptions = Static<typeof StoreOptions>;

/** The same with every default filled in; sizes in bytes. */
export type StoreSettings =
  | { kind: "memory" }
  | { kind: "sqlite"; dir: string; durability: "fsync" | "normal"; size: number | undefined };

export function resolveStore(given: StoreOptions = { kind: "memory" }): StoreSettings {
  if (given.kind === "memory") return { kind: "memory" };
  const { dir, durability = "normal", size } = given;
  return { kind: "sqlite", dir, durability, size: size === undefined ? undefined : sizeBytes(size) };
}
