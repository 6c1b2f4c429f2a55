// Ties a TypeBox schema to a declared type: a schema that differs from the type in any field does not compile.
import type { Static, TSchema } from "typebox";

/**
 * `unknown` if the types are identical, including optional fields. Mutual assignability would not detect a missing
 * optional field.
 */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? unknown : "differs from the type";

/**
 * Returns the schema: `schemaOf<Point>()(Type.Object({ x: Type.Number() }))`. Public options are declared as interfaces
 * instead of with `Static`, because editors show doc comments for interface fields but not for schema fields.
 */
export function schemaOf<T>() {
  return <S extends TSchema>(schema: S & Same<Static<S>, T>): S => schema;
}
