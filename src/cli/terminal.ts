// Where commands write: nothing else in cli/ touches standard output and error, and all that is written is printable.
import { printableText, printableLines, type Printable } from "../protocol/printable.ts";
import { EXIT } from "./exit-codes.ts";

/** More than this, in characters, does not wait for a slow reader. */
const MAX_BUFFERED_BYTES = 256 * 1024;

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
  write(text: Printable): boolean {
    this.#waiting += text.length;
    process.stdout.write(text, () => {
      this.#waiting -= text.length;
      if (this.#waiting > 0) return;
      for (const resolve of this.#drained.splice(0)) resolve();
    });
    return this.#waiting <= MAX_BUFFERED_BYTES;
  }

  /** Resolves once everything is written. */
  drained(): Promise<void> {
    return this.#waiting === 0 ? Promise.resolve() : new Promise((resolve) => this.#drained.push(resolve));
  }
}

/** Writes whole lines to standard output. */
export function print(text: string): void {
  process.stdout.write(printableLines(text));
}

/** Words for a person, on stderr. */
export function printError(text: string): void {
  process.stderr.write(`thump: ${printableText(text)}\n`);
}

/** A fault of ours, with where it came from. */
export function printFault(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(printableLines(`thump: ${text}\n`));
}

/** A line on stderr that the next one takes the place of, where stderr is a terminal. */
export function draw(text: string): void {
  process.stderr.write(`\r\u001b[K${printableText(text)}`);
}

/** Makes the terminal empty: what is printed next begins at its top. */
export const CLEAR_SCREEN = "\u001b[H\u001b[2J" as Printable;
