// Text from outside as UTF-8, or not at all: what is something else must not become U+FFFD without a word.
import { readFileSync } from "node:fs";
import { CommandError, EXIT } from "./exit-codes.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** What whoever decoded it before put in place of bytes that are no text. */
const REPLACED = "\ufffd";

/** The text that bytes are; undefined where they are none. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Refuses arguments that are not UTF-8. Bun has decoded them already: only where it put a U+FFFD, and where the system
 * still has the bytes (Linux), it is looked whether it was meant.
 * @throws CommandError
 */
export function checkArguments(args: readonly string[]): void {
  const suspect = args.find((arg) => arg.includes(REPLACED));
  if (suspect === undefined) return;
  let bytes: Uint8Array;
  try {
    bytes = readFileSync("/proc/self/cmdline");
  } catch {
    return; // There is no telling: it may have been meant.
  }
  if (decodeUtf8(bytes) === undefined)
    throw new CommandError(`an argument is not UTF-8: ${suspect}`, EXIT.usage);
}
