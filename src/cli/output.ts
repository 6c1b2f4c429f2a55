// What a command prints: never more than the reader takes, in colour where that is wanted, gone when it is gone.
import { Option } from "commander";
import { styleText } from "node:util";
import { EXIT } from "./exit.ts";

/** More than this, in characters, does not wait for a slow reader. */
const FULL = 256 * 1024;

/** Standard output, with what still waits to be written. */
export class Output {
  #waiting = 0;
  #drained: (() => void)[] = [];

  constructor() {
    process.stdout.on("error", (error: NodeJS.ErrnoException) => {
      // The reader has all it wanted: `| head -1`.
      if (error.code === "EPIPE") process.exit(EXIT.ok);
      throw error;
    });
  }

  /** Writes. False when nothing more should be written before `drained`. */
  write(text: string): boolean {
    this.#waiting += text.length;
    process.stdout.write(text, () => {
      this.#waiting -= text.length;
      if (this.#waiting > 0) return;
      for (const resolve of this.#drained.splice(0)) resolve();
    });
    return this.#waiting <= FULL;
  }

  /** Resolves once everything is written. */
  drained(): Promise<void> {
    return this.#waiting === 0 ? Promise.resolve() : new Promise((resolve) => this.#drained.push(resolve));
  }
}

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
export type Paint = (style: Style, text: string) => string;

/** What puts colour on a text, or leaves it alone. */
export function painter(colored: boolean): Paint {
  // Whether it is wanted was decided: not again by the stream.
  return colored ? (style, text) => styleText(style, text, { validateStream: false }) : (_, text) => text;
}
