// Exceptions from the wording rules. Each names a file or an exact sentence, and a reason; an exception that matches nothing fails.

import type { Kind } from "./passage.ts";

export interface Allowed {
  /** A path from the root of the repository. */
  file?: string;
  /** A sentence, exactly as the check reports it when it is short, or a part of it. */
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
  openapi("paths"),
  openapi("schemas"),
  openapi("security"),
];
