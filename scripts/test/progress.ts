// Shows the progress of a run: a line per finished file and, on a terminal, the files that are running.
import type { FileResult } from "./run-file.ts";

const REDRAW_MS = 200;
/** Without a terminal, the running files are printed if no file finishes for this long. */
const QUIET_MS = 30_000;

export class Progress {
  readonly #began = performance.now();
  readonly #running = new Map<string, number>();
  readonly #isTerminal = process.stdout.isTTY;
  readonly #timer: ReturnType<typeof setInterval>;
  #finished = 0;
  #lastLine = performance.now();

  constructor(readonly total: number) {
    this.#timer = setInterval(() => this.#tick(), REDRAW_MS);
  }

  /** Returns the time since the start, in minutes and seconds. */
  elapsed(): string {
    return clock(performance.now() - this.#began);
  }

  start(file: string): void {
    this.#running.set(file, performance.now());
  }

  finish({ file, passed, failed, skipped, seconds, cpuSeconds, output }: FileResult): void {
    this.#running.delete(file);
    this.#finished++;
    const counts = [
      `${passed} passed`,
      ...(failed > 0 ? [`${failed} FAILED`] : []),
      ...(skipped.length > 0 ? [`${skipped.length} skipped`] : []),
    ];
    const done = `${String(this.#finished).padStart(String(this.total).length)}/${this.total}`;
    if (failed > 0) this.#print(output.trimEnd());
    const time = `${seconds.toFixed(1)} s, processor ${cpuSeconds.toFixed(1)} s`;
    this.#print(`${done}  ${this.elapsed()}  ${file}  ${counts.join(", ")}  ${time}`);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#clear();
  }

  #tick(): void {
    if (this.#isTerminal) {
      const line = `${this.#finished}/${this.total}  ${this.elapsed()}  running ${this.#list()}`;
      process.stdout.write(`\r\u001b[K${line.slice(0, process.stdout.columns - 1)}`);
    } else if (performance.now() - this.#lastLine > QUIET_MS) this.#print(`running ${this.#list()}`);
  }

  #list(): string {
    const now = performance.now();
    return [...this.#running]
      .map(([file, began]) => `${file.replace(/^test\//, "")} ${Math.round((now - began) / 1000)} s`)
      .join(", ");
  }

  #print(line: string): void {
    this.#clear();
    console.log(line);
    this.#lastLine = performance.now();
  }

  #clear(): void {
    if (this.#isTerminal) process.stdout.write("\r\u001b[K");
  }
}

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
