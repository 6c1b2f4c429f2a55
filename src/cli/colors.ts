// Colors: where they are wanted, and how they are put on.
import { Option } from "commander";
import { styleText } from "node:util";
import { printableText, type Printable } from "../protocol/printable.ts";

export type ColorWhen = "auto" | "always" | "never";

/** `--color`: on a terminal, unless NO_COLOR (no-color.org) says otherwise. */
export function colorOption(): Option {
  return new Option("--color <when>", "in colour").choices(["auto", "always", "never"]).default("auto");
}

export function wantsColor(when: ColorWhen, env: Record<string, string | undefined>): boolean {
  if (when !== "auto") return when === "always";
  return process.stdout.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb";
}

export type Style = Parameters<typeof styleText>[0];
export type Paint = (style: Style, text: string) => Printable;

/** What makes a text printable and puts color on it, or leaves that away. */
export function painter(colored: boolean): Paint {
  // Whether it is wanted was decided: not again by the stream.
  return colored
    ? (style, text) => styleText(style, printableText(text), { validateStream: false }) as Printable
    : (_, text) => printableText(text);
}
