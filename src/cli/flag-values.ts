// Parsers for flag values. The error for an invalid value states the expected form.
import { InvalidArgumentError } from "commander";
import { DURATION_FORM, durationMs } from "../rooms/units.ts";

/** A whole number from `min` to `max`. */
export function whole(min: number, max = 999_999_999): (text: string) => number {
  return (text) => {
    if (!/^[0-9]{1,9}$/.test(text) || Number(text) < min || Number(text) > max)
      throw new InvalidArgumentError(`Must be a whole number from ${min} to ${max}.`);
    return Number(text);
  };
}

/** A duration in ms, written as `90s` or as a number of seconds. */
export function duration(text: string): number {
  const bare = /^[0-9]+$/.test(text);
  if (!bare && !new RegExp(DURATION_FORM).test(text))
    throw new InvalidArgumentError("Write it as 500ms, 90s or 1h.");
  return durationMs(bare ? Number(text) : text);
}

/** Comma-separated names. */
export function names(text: string): string[] {
  return text.split(",").map((name) => name.trim());
}

/** Collects the values of a repeatable flag. */
export function repeated(text: string, before: string[] = []): string[] {
  return [...before, text];
}

/** A server's URL, without a trailing slash. */
export function serverUrl(text: string): string {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username)
    throw new InvalidArgumentError("Write it as http://127.0.0.1:3000 or https://thump.example/prefix.");
  return url.href.replace(/\/+$/, "");
}
