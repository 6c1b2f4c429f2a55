// Strict UTF-8 for external text: invalid bytes are reported, not replaced by U+FFFD.
import { readFileSync } from "node:fs";
import { CommandError, EXIT } from "./exit-codes.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** The replacement character that stands for invalid bytes in decoded text. */
const REPLACED = "\ufffd";

/** Decodes bytes. Returns undefined if they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Rejects arguments that are not UTF-8. Bun has already decoded them, so a U+FFFD in an argument may be original. On
 * Linux the raw bytes are still available and settle the question.
 * @throws CommandError if an argument is not UTF-8
 */
export function checkArguments(args: readonly string[]): void {
  const suspect = args.find((arg) => arg.includes(REPLACED));
  if (suspect === undefined) return;
  let bytes: Uint8Array;
  try {
    bytes = readFileSync("/proc/self/cmdline");
  } catch {
    return; // The raw bytes are unavailable: the U+FFFD may be original.
  }
  if (decodeUtf8(bytes) === undefined)
    throw new CommandError(`an argument is not UTF-8: ${suspect}`, EXIT.usage);
}
