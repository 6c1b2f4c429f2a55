// How a connection ended, and what that means: an error that was told, or when to come back. Pure.
import { ThumpError } from "./client-errors.ts";

/** How a connection ended. */
export interface CloseReason {
  /** It had been in use. */
  opened?: boolean;
  error?: ThumpError | undefined;
  /** When to come back, in ms, as the server wishes. */
  delay?: number | undefined;
}

/** When to come back after it was said that we are too fast, in ms. */
const SLOW_RETRY_MS = 5000;
/** Close codes that say what was wrong. */
const CLOSE_CODES: Record<number, ThumpError["code"]> = {
  4400: "malformed",
  4401: "unauthorized",
  4403: "forbidden",
  4413: "too-large",
  4429: "rate",
};

/** Why it ended, by a close code. */
export function closeReasonOf(code: number, reason: string): CloseReason {
  if (code === 1001) return { delay: /^\d+$/.test(reason) ? Number(reason) : undefined };
  const name = CLOSE_CODES[code];
  if (!name) return {};
  const error = new ThumpError(name, `The server closed the connection (${code} ${reason}).`);
  return { error, delay: name === "rate" ? SLOW_RETRY_MS : undefined };
}

/** What an error means for a connection. Where there was no answer, nothing but that it is gone. */
export function closeReasonFor(error: unknown): CloseReason {
  return error instanceof ThumpError ? { error, delay: error.retry } : {};
}
