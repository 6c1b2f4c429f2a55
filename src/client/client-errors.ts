// The errors of the client: the server's stable codes, and a few of its own.
import type { Code, FieldError } from "../protocol/codes.ts";

/**
 * What goes wrong on this side:
 * - `closed`: the room was left, or the client closed;
 * - `queue-full`: too much waits to be published;
 * - `behind`: a `for await` loop is too slow for its room.
 */
export type ClientCode = "closed" | "queue-full" | "behind";

/** An error with a stable code, a message that says what to do, and the fields that did not fit. */
export class ThumpError extends Error {
  override readonly name = "ThumpError";

  declare readonly errors?: FieldError[];
  /** After how long, in ms, to try again. */
  declare readonly retry?: number;
  /** What a request was answered with. */
  declare readonly status?: number;

  constructor(
    readonly code: Code | ClientCode,
    message: string,
    more?: { errors?: FieldError[] | undefined; retry?: number | undefined; status?: number | undefined },
  ) {
    super(message);
    Object.assign(this, more);
  }
}

/** Whatever was thrown, as an error of ours. */
export function toError(thrown: unknown): ThumpError {
  return thrown instanceof ThumpError ? thrown : new ThumpError("unavailable", String(thrown));
}

/** What the server says of an error, in a frame, in a batch's result or as a problem (RFC 9457). */
export interface ErrorFrame {
  code?: string;
  message?: string;
  detail?: string;
  errors?: FieldError[];
  retry?: number | undefined;
}

/** The server's words as an error. What is in between, and none of ours, has no code: it may pass. */
export function errorFromFrame(
  { code = "unavailable", message, detail, errors, retry }: ErrorFrame,
  status?: number,
): ThumpError {
  return new ThumpError(code as Code, message ?? detail ?? `answered ${status}`, { errors, retry, status });
}
