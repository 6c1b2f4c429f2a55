// Cursors: `<epoch>-<seq>`. A client that holds a cursor has received everything up to that position.
import { ThumpError } from "./codes.ts";

/** A position within an epoch of a log. */
export interface Cursor {
  epoch: string;
  seq: number;
}

const FORM = /^([0-9a-z]{1,32})-(0|[1-9][0-9]{0,15})$/;

/** Formats a cursor. */
export function formatCursor(epoch: string, seq: number): string {
  return `${epoch}-${seq}`;
}

/**
 * Parses a cursor.
 * @throws ThumpError `invalid-cursor`
 */
export function parseCursor(text: string): Cursor {
  const match = FORM.exec(text);
  const seq = Number(match?.[2]);
  if (!match || !Number.isSafeInteger(seq)) {
    throw new ThumpError(
      "invalid-cursor",
      `"${text.slice(0, 64)}" is not a cursor. Send an id or "at" from this server, unchanged.`,
    );
  }
  return { epoch: match[1] as string, seq };
}

/** Generates a random epoch: 6 letters and digits, 31 bits. */
export function newEpoch(): string {
  const value = crypto.getRandomValues(new Uint32Array(1))[0] as number;
  return (value >>> 1).toString(36).padStart(6, "0").slice(-6);
}
