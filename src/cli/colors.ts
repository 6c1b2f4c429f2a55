// Terminal colors: the `--color` option, and the function that applies styles.
import { Option } from "commander";
import { styleText } from "node:util";
import { printableText, type Printable } from "../protocol/printable.ts";

export type ColorWhen = "auto" | "always" | "never";

/** `--color`: `auto` enables colors on a terminal, unless NO_COLOR (no-color.org) is set. */
export function colorOption(): Option {
  return new Option("--color <when>", "when to use color")
    .choices(["auto", "always", "never"])
    .default("auto");
}

export function wantsColor(when: ColorWhen, env: Record<string, string | undefined>): boolean {
  if (when !== "auto") return when === "always";
  return process.stdout.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb";
}

export type Style = Parameters<typeof styleText>[0];
export type Paint = (style: Style, text: string) => Printable;

/** Returns a function that makes text printable, and styles it if `colored`. */
export function painter(colored: boolean): Paint {
  // `colored` already reflects whether the output is a terminal.
  return colored
    ? (style, text) => styleText(style, printableText(text), { validateStream: false }) as Printable
    : (_, text) => printableText(text);
}
