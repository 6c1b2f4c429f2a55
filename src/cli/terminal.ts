// Terminal output of all commands. Only this file writes to standard output and error, and all text is printable.
import { printableText, printableLines, type Printable } from "../protocol/printable.ts";
import { EXIT } from "./exit-codes.ts";

/** Above this number of buffered characters, `write` asks the caller to wait. */
const MAX_BUFFERED_CHARS = 256 * 1024;

/** Standard output with backpressure: tracks the amount of unwritten text. */
export class Output {
  #buffered = 0;
  #drained: (() => void)[] = [];

  constructor() {
    process.stdout.on("error", (error: NodeJS.ErrnoException) => {
      // The reader closed the pipe, as `| head -1` does.
      if (error.code === "EPIPE") process.exit(EXIT.ok);
      throw error;
    });
  }

  /** Writes text. Returns false if the caller should wait for `drained`. */
  write(text: Printable): boolean {
    this.#buffered += text.length;
    process.stdout.write(text, () => {
      this.#buffered -= text.length;
      if (this.#buffered > 0) return;
      for (const resolve of this.#drained.splice(0)) resolve();
    });
    return this.#buffered <= MAX_BUFFERED_CHARS;
  }

  /** Resolves once everything is written. */
  drained(): Promise<void> {
    return this.#buffered === 0 ? Promise.resolve() : new Promise((resolve) => this.#drained.push(resolve));
  }
}

/** Writes whole lines to standard output. */
export function print(text: string): void {
  process.stdout.write(printableLines(text));
}

/** Prints a message to stderr. */
export function printError(text: string): void {
  process.stderr.write(`thump: ${printableText(text)}\n`);
}

/** Prints an internal error with its stack to stderr. */
export function printFault(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(printableLines(`thump: ${text}\n`));
}

/** Replaces the current line of a terminal on stderr. */
export function draw(text: string): void {
  process.stderr.write(`\r\u001b[K${printableText(text)}`);
}

/** Clears the terminal, and moves the cursor to the top. */
export const CLEAR_SCREEN = "\u001b[H\u001b[2J" as Printable;
