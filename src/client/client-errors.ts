// Client errors: the server's stable codes, and three codes that only the client uses.
import type { Code, FieldError } from "../protocol/codes.ts";

/**
 * Error codes that only the client uses:
 * - `closed`: the client is closed;
 * - `queue-full`: too many publications are queued (`queue`);
 * - `behind`: a `for await` loop cannot keep up with its room.
 */
export type ClientCode = "closed" | "queue-full" | "behind";

/** An error with a stable code, a human-readable message, and any invalid fields. */
export class ThumpError extends Error {
  /** Always `"ThumpError"`. */
  override readonly name = "ThumpError";

  /** The invalid fields of the data, if `code` is `invalid`. */
  declare readonly errors?: FieldError[];
  /** Delay in ms after which to retry. */
  declare readonly retry?: number;
  /** HTTP status, if the error is an HTTP response. */
  declare readonly status?: number;

  constructor(
    /** The stable error code. */
    readonly code: Code | ClientCode,
    message: string,
    more?: { errors?: FieldError[] | undefined; retry?: number | undefined; status?: number | undefined },
  ) {
    super(message);
    Object.assign(this, more);
  }
}

/** Converts a thrown value to a `ThumpError`; other errors get the code `unavailable`. */
export function toError(thrown: unknown): ThumpError {
  return thrown instanceof ThumpError ? thrown : new ThumpError("unavailable", String(thrown));
}

/** An error sent by the server: in a frame, in the result of a batch item, or as a problem (RFC 9457). */
export interface ErrorFrame {
  code?: string;
  message?: string;
  detail?: string;
  errors?: FieldError[];
  retry?: number | undefined;
}

/** Converts a server error. A response from a proxy has no code and counts as `unavailable`, which is retried. */
export function errorFromFrame(
  { code = "unavailable", message, detail, errors, retry }: ErrorFrame,
  status?: number,
): ThumpError {
  return new ThumpError(code as Code, message ?? detail ?? `HTTP status ${status}`, {
    errors,
    retry,
    status,
  });
}
