// Ties a TypeBox schema to a declared type: the compiler rejects a schema that differs from the type in any field.
import type { Static, TSchema } from "typebox";

/** Identical types, also in optional fields. Assignability in both directions would miss a missing optional field. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? unknown : "differs from the type";

/**
 * Returns the schema: `schemaOf<Point>()(Type.Object({ x: Type.Number() }))`. Public options are declared as interfaces,
 * and not with `Static`, because editors show the doc comments of an interface, but none of a schema's fields.
 */
export function schemaOf<T>() {
  return <S extends TSchema>(schema: S & Same<Static<S>, T>): S => schema;
}
