// Message schemas of room rules: TypeBox, JSON Schema, or a Standard Schema (Zod, Valibot, ArkType). Compiled at
// startup.
import { Compile } from "typebox/compile";
import { fieldErrors } from "../protocol/field-errors.ts";
import type { FieldError } from "../protocol/codes.ts";
import type { Check } from "../protocol/content.ts";

/** The part of the Standard Schema interface (https://standardschema.dev) that Thump uses. */
export interface StandardSchema {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult | Promise<StandardResult>;
  };
}

interface StandardResult {
  readonly issues?: readonly StandardIssue[] | undefined;
}

interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

const MAX_ERRORS = 10;
/**
 * The maximum length of an error message, in characters. Messages from other libraries may quote the value or list
 * every alternative.
 */
const MAX_MESSAGE_LENGTH = 200;
/**
 * Test values that detect asynchronous schemas: such a schema returns a promise for one of these values, unless it
 * checks a nested value first.
 */
const PROBES = [undefined, null, {}, [], "", 0];
const KEYWORDS = new Set(
  `$schema $id $ref $defs $anchor $dynamicRef $dynamicAnchor $recursiveRef $recursiveAnchor $comment $vocabulary
  type enum const not allOf anyOf oneOf if then else definitions dependencies dependentSchemas dependentRequired
  properties required additionalProperties patternProperties propertyNames unevaluatedProperties minProperties
  maxProperties items prefixItems additionalItems unevaluatedItems contains minContains maxContains minItems maxItems
  uniqueItems minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern format
  contentEncoding contentMediaType contentSchema title description default examples deprecated readOnly writeOnly`.split(
    /\s+/,
  ),
);

const TYPES = new Set(["null", "boolean", "object", "array", "number", "integer", "string"]);
/** Keywords whose value is a schema or an array of schemas. */
const WITH_SCHEMAS =
  `not if then else allOf anyOf oneOf additionalProperties propertyNames unevaluatedProperties items prefixItems
  additionalItems unevaluatedItems contains`.split(/\s+/);
/** Keywords whose value is an object of schemas. */
const WITH_NAMED_SCHEMAS = "properties patternProperties dependentSchemas $defs definitions".split(" ");

/**
 * Returns a `type` in the schema that JSON Schema does not define, if there is one. The compiler ignores such a type
 * and would accept any value.
 */
function unknownType(schema: unknown, seen = new Set<unknown>()): string | undefined {
  if (typeof schema !== "object" || schema === null || seen.has(schema)) return undefined;
  seen.add(schema);
  if (Array.isArray(schema)) return firstOf(schema, seen);
  const keywords = schema as Record<string, unknown>;
  // TypeBox marks its own types with `~kind`, or with a symbol before version 1.0.
  const marked = "~kind" in schema || Object.getOwnPropertySymbols(schema).length > 0;
  if (!marked && "type" in schema)
    for (const type of [keywords["type"]].flat())
      if (typeof type !== "string" || !TYPES.has(type)) return JSON.stringify(type) ?? String(type);
  const named = WITH_NAMED_SCHEMAS.flatMap((keyword) => Object.values(keywords[keyword] ?? {}));
  return firstOf([...WITH_SCHEMAS.map((keyword) => keywords[keyword]), ...named], seen);
}

function firstOf(schemas: unknown[], seen: Set<unknown>): string | undefined {
  for (const schema of schemas) {
    const found = unknownType(schema, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isStandard(schema: unknown): schema is StandardSchema {
  return (
    schema !== null && (typeof schema === "object" || typeof schema === "function") && "~standard" in schema
  );
}

/**
 * Returns the reason why a rule's schema is unusable; undefined if it is usable. Rejects schemas that would accept
 * every value by mistake.
 */
export function schemaFault(schema: unknown): string | undefined {
  if (typeof schema === "boolean") return undefined;
  if (isStandard(schema)) return standardFault(schema);
  const prototype: unknown = typeof schema === "object" && schema !== null && Object.getPrototypeOf(schema);
  const keys =
    prototype === Object.prototype || prototype === null ? Object.keys(schema as object) : undefined;
  // `~kind` is not an enumerable key. An empty schema is valid, because it accepts everything intentionally.
  if (keys?.length === 0 || keys?.some((key) => KEYWORDS.has(key) || key.startsWith("~"))) {
    const type = unknownType(schema);
    return type === undefined ? undefined : `has the type ${type}, which JSON Schema does not define`;
  }
  return "is not a schema that Thump recognizes: pass TypeBox, JSON Schema, or a Standard Schema (Zod, Valibot, ArkType)";
}

function standardFault({ "~standard": standard }: StandardSchema): string | undefined {
  if (standard?.version !== 1 || typeof standard.validate !== "function")
    return "is a Standard Schema of an unsupported version";
  const validatesAsync = PROBES.some((probe) => {
    try {
      const result = standard.validate(probe);
      return isPromise(result);
    } catch {
      // The schema throws for a value that it should report as invalid. Publications with such a value fail with an
      // internal error.
      return false;
    }
  });
  return validatesAsync ? "validates asynchronously: publishing does not support this" : undefined;
}

function isPromise(result: StandardResult | Promise<StandardResult>): result is Promise<StandardResult> {
  if (!("then" in result)) return false;
  // The result is not used, so a rejection must not be reported as unhandled.
  result.catch(() => {});
  return true;
}

/** @throws Error when the schema cannot be compiled */
export function compileCheck(schema: object | boolean): Check {
  if (isStandard(schema)) return standardCheck(schema);
  const checker = Compile(schema as Parameters<typeof Compile>[0]);
  return (value, brief) => {
    if (checker.Check(value)) return undefined;
    return brief ? [] : fieldErrors(checker.Errors(value));
  };
}

/** Wraps a Standard Schema. The schema's output is ignored, because publications are forwarded as written. */
function standardCheck({ "~standard": standard }: StandardSchema): Check {
  return (value, brief) => {
    const result = standard.validate(value);
    if (isPromise(result)) {
      throw new Error(
        `a schema (${standard.vendor}) validates asynchronously: publishing does not support this`,
      );
    }
    return result.issues?.slice(0, brief ? 0 : MAX_ERRORS).map(fieldError);
  };
}

function fieldError({ message, path = [] }: StandardIssue): FieldError {
  const keys = path.map((part) => String(typeof part === "object" ? part.key : part));
  const pointer = keys.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`);
  return { path: pointer.join(""), message: message.slice(0, MAX_MESSAGE_LENGTH) };
}

/** Returns a schema in a readable form that can be serialized as JSON. */
export function describeSchema(schema: unknown): unknown {
  return isStandard(schema) ? { standardSchema: schema["~standard"].vendor } : schema;
}
