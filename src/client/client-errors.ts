// Errors of the client: the server's stable codes, and three of the client's own.
import type { Code, FieldError } from "../protocol/codes.ts";

/**
 * Error codes of the client itself:
 * - `closed`: the client is closed;
 * - `queue-full`: too many publications are queued (`queue`);
 * - `behind`: a `for await` loop is too slow for its room.
 */
export type ClientCode = "closed" | "queue-full" | "behind";

/** An error with a stable code, a message for people, and the invalid fields. */
export class ThumpError extends Error {
  /** Always `"ThumpError"`. */
  override readonly name = "ThumpError";

  /** The invalid fields of the data, with `code` `invalid`. */
  declare readonly errors?: FieldError[];
  /** Delay in ms after which to retry. */
  declare readonly retry?: number;
  /** HTTP status, if the error is a response to a request. */
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

/** Converts an error of the server. A response of a proxy has no code: it counts as `unavailable`, which is retried. */
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
