// Cursors: `<epoch>-<seq>`, "I have everything up to here".
import { ThumpError } from "./codes.ts";

/** A position in one life of a log. */
export interface Cursor {
  epoch: string;
  seq: number;
}

const FORM = /^([0-9a-z]{1,32})-(0|[1-9][0-9]{0,15})$/;

/** Writes a cursor. */
export function formatCursor(epoch: string, seq: number): string {
  return `${epoch}-${seq}`;
}

/** Reads a cursor; throws `invalid-cursor` when the text was never one. */
export function parseCursor(text: string): Cursor {
  const match = FORM.exec(text);
  const seq = Number(match?.[2]);
  if (!match || !Number.isSafeInteger(seq)) {
    throw new ThumpError(
      "invalid-cursor",
      `"${text.slice(0, 64)}" is not a cursor. Send back an id or "at" that this server gave you, unchanged.`,
    );
  }
  return { epoch: match[1] as string, seq };
}

/** A random epoch: 6 letters and digits, 31 bits. */
export function newEpoch(): string {
  const value = crypto.getRandomValues(new Uint32Array(1))[0] as number;
  return (value >>> 1).toString(36).padStart(6, "0").slice(-6);
}
