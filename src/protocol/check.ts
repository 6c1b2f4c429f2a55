// TypeBox's findings, as the field errors that clients see.
import type { FieldError } from "./codes.ts";

interface Finding {
  instancePath: string;
  message: string;
  params: object;
}

/** At most ten findings, each with a JSON Pointer to the field; a missing field is pointed at by its own name. */
export function fieldErrors(findings: readonly Finding[]): FieldError[] {
  return findings.slice(0, 10).flatMap((finding) => {
    const missing = (finding.params as { requiredProperties?: string[] }).requiredProperties;
    if (!missing) return [{ path: finding.instancePath, message: finding.message }];
    return missing.map((name) => ({
      path: `${finding.instancePath}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`,
      message: "is required",
    }));
  });
}
