// TypeBox's findings, as the field errors that clients and operators see.
import type { FieldError } from "./codes.ts";

interface SchemaError {
  keyword: string;
  instancePath: string;
  message: string;
  params: object;
}

interface Params {
  requiredProperties?: string[];
  additionalProperties?: string[];
  allowedValue?: unknown;
}

/**
 * At most ten errors, one a field, each with a JSON Pointer to it. A missing or unknown field is pointed at by
 * its own name. Where a value fits none of several schemas, its error names all that it could have been.
 * @param at where the value itself stands, as a JSON Pointer
 */
export function fieldErrors(findings: readonly SchemaError[], at = ""): FieldError[] {
  const byPath = new Map<string, string[]>();
  const unions = new Set(
    findings.filter(({ keyword }) => keyword === "anyOf").map((found) => found.instancePath),
  );
  const add = (path: string, message: string) => {
    const messages = byPath.get(path);
    if (!messages) byPath.set(path, [message]);
    else if (!messages.includes(message)) messages.push(message);
  };
  for (const { keyword, instancePath, message, params } of findings) {
    const { requiredProperties, additionalProperties, allowedValue } = params as Params;
    for (const name of requiredProperties ?? []) add(`${instancePath}/${escape(name)}`, "is required");
    for (const name of additionalProperties ?? [])
      add(`${instancePath}/${escape(name)}`, "is not a known field");
    if (allowedValue !== undefined) add(instancePath, `must be ${JSON.stringify(allowedValue)}`);
    else if (!requiredProperties && !additionalProperties && keyword !== "anyOf" && keyword !== "boolean") {
      add(instancePath, message);
    }
  }
  const errors = [...byPath].map(([path, messages]) => ({
    path: `${at}${path}`,
    message: unions.has(path) ? either(messages) : messages.join(" and "),
  }));
  return errors.slice(0, 10);
}

/** "must be a", "must be b" → "must be a or b". */
function either(messages: string[]): string {
  return messages.map((message, i) => (i === 0 ? message : message.replace(/^must be /, ""))).join(" or ");
}

/** A name as a part of a JSON Pointer. */
function escape(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
