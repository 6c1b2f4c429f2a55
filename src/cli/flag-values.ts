// How values of flags are read: each reader says what it wants when it gets something else.
import { InvalidArgumentError } from "commander";
import { DURATION_FORM, durationMs } from "../rooms/units.ts";

/** A whole number of at least `least`, and at most `most`. */
export function whole(least: number, most = 999_999_999): (text: string) => number {
  return (text) => {
    if (!/^[0-9]{1,9}$/.test(text) || Number(text) < least || Number(text) > most)
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    return Number(text);
  };
}

/** A duration in ms: `90s`, or a bare number of seconds. */
export function duration(text: string): number {
  const bare = /^[0-9]+$/.test(text);
  if (!bare && !new RegExp(DURATION_FORM).test(text))
    throw new InvalidArgumentError("Write it as 500ms, 90s or 1h.");
  return durationMs(bare ? Number(text) : text);
}

/** Names with commas between them. */
export function names(text: string): string[] {
  return text.split(",").map((name) => name.trim());
}

/** A flag that may be given several times. */
export function repeated(text: string, before: string[] = []): string[] {
  return [...before, text];
}

/** A server's address, without a slash at its end. */
export function serverUrl(text: string): string {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username)
    throw new InvalidArgumentError("Write it as http://127.0.0.1:3000 or https://thump.example/prefix.");
  return url.href.replace(/\/+$/, "");
}
