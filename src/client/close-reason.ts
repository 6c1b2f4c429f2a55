// Close reasons: maps close codes and errors to an error and a reconnect delay. Pure.
import { ThumpError } from "./client-errors.ts";

/** Why a connection ended. */
export interface CloseReason {
  /** True if the connection had been opened. */
  opened?: boolean;
  error?: ThumpError | undefined;
  /** Reconnect delay in ms that the server requested. */
  delay?: number | undefined;
}

/** Reconnect delay after the server closed a connection for exceeding a rate limit. */
const SLOW_RETRY_MS = 5000;
/** Error codes by close code. */
const CLOSE_CODES: Record<number, ThumpError["code"]> = {
  4400: "malformed",
  4401: "unauthorized",
  4403: "forbidden",
  4413: "too-large",
  4429: "rate",
};

/** @param reason the text of the close frame; with code 1001, a delay in ms */
export function closeReasonOf(code: number, reason: string): CloseReason {
  if (code === 1001) return { delay: /^\d+$/.test(reason) ? Number(reason) : undefined };
  const errorCode = CLOSE_CODES[code];
  if (!errorCode) return {};
  const error = new ThumpError(errorCode, `The server closed the connection (${code} ${reason}).`);
  return { error, delay: errorCode === "rate" ? SLOW_RETRY_MS : undefined };
}

/** The close reason after a failed request. Without a response (a network error), the reason is empty. */
export function closeReasonFor(error: unknown): CloseReason {
  return error instanceof ThumpError ? { error, delay: error.retry } : {};
}
