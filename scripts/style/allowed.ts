// Exceptions from the wording rules. Each names a file or an exact sentence, and a reason; an exception that matches nothing fails.

export interface Allowed {
  /** A path from the root of the repository. */
  file?: string;
  /** A sentence, exactly as the check reports it when it is short, or a part of it. */
  text?: string;
  /** The rule's id. Default: all rules. */
  rule?: string;
  reason: string;
}

export const ALLOWED: readonly Allowed[] = [];
