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

  constructor(
    readonly code: Code | ClientCode,
    message: string,
    readonly errors?: FieldError[],
    /** After how long, in ms, to try again. */
    readonly retry?: number,
    /** What a request was answered with. */
    readonly status?: number,
  ) {
    super(message);
  }
}

/** Whatever was thrown, as an error of ours. */
export function toError(thrown: unknown): ThumpError {
  return thrown instanceof ThumpError ? thrown : new ThumpError("unavailable", String(thrown));
}

/** What the server says of an error, in a frame, in a batch's result or as a problem (RFC 9457). */
export interface ToldError {
  code?: string;
  message?: string;
  detail?: string;
  errors?: FieldError[];
  retry?: number;
}

/** The server's words as an error. What is in between, and none of ours, has no code: it may pass. */
export function toldError(told: ToldError, status?: number, retry = told.retry): ThumpError {
  const { code = "unavailable", message, detail } = told;
  return new ThumpError(code as Code, message ?? detail ?? `answered ${status}`, told.errors, retry, status);
}
