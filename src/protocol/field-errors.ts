// Converts TypeBox schema errors to field errors for clients and operators.
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
 * Returns at most ten errors, one per field. The path of a missing or unknown field includes its name. If a value
 * matches none of several alternatives, the message lists all of them.
 * @param at the JSON Pointer of the value
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

/** Joins "must be a" and "must be b" into "must be a or b". */
function either(messages: string[]): string {
  return messages.map((message, i) => (i === 0 ? message : message.replace(/^must be /, ""))).join(" or ");
}

/** Escapes a name for use in a JSON Pointer. */
function escape(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
