// Exceptions to the wording rules. Each names a file or a sentence, and a reason. The check reports unused exceptions.

import type { Kind } from "./passage.ts";

export interface Allowed {
  /** A path from the root of the repository. */
  file?: string;
  /** A sentence, or part of one, exactly as the check reports it. */
  text?: string;
  /** The kind of text. Default: all kinds. */
  kind?: Kind;
  /** The rule's id. Default: all rules. */
  rule?: string;
  reason: string;
}

const openapi = (name: string): Allowed => ({
  file: `src/server/openapi/${name}.ts`,
  kind: "string",
  reason: "descriptions of the OpenAPI document, which will be generated from the routes",
});

export const ALLOWED: readonly Allowed[] = [
  openapi("openapi"),
  openapi("operator-schemas"),
  openapi("operator-paths"),
  openapi("paths"),
  openapi("schemas"),
  openapi("security"),
];
