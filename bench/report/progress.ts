// Live progress. A terminal shows one line that is redrawn; a pipe receives only permanent lines.

const BAR = 20;

export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

function clock(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

export class Progress {
  readonly #started = performance.now();
  #finished = 0;
  #label = "";
  #text = "";

  /** @param total number of units of work; each call to `done` finishes one */
  constructor(
    readonly total: number,
    readonly output: Output = process.stderr,
  ) {}

  /** Starts a unit: the scenario, the server and the run. */
  begin(label: string): void {
    this.#label = label;
    this.say("");
  }

  /** Shows the current activity. */
  say(text: string): void {
    this.#text = text;
    this.#draw();
  }

  /** Finishes one unit. */
  done(): void {
    this.#finished = Math.min(this.total, this.#finished + 1);
    this.say("");
  }

  /** Writes a permanent line. */
  note(line: string): void {
    this.#clear();
    this.output.write(`${line}\n`);
    this.#draw();
  }

  /** Removes the progress line. */
  close(): void {
    this.#clear();
    this.#label = "";
  }

  #draw(): void {
    if (this.output.isTTY !== true || this.#label === "") return;
    const part = this.total === 0 ? 1 : this.#finished / this.total;
    const full = Math.round(part * BAR);
    const bar = "━".repeat(full) + "─".repeat(BAR - full);
    const parts = [this.#label, this.#text].filter((word) => word !== "").join(": ");
    const line = `${bar} ${String(Math.floor(part * 100)).padStart(3)}% ${this.#left(part)}  ${parts}`;
    this.#clear();
    this.output.write(line.slice(0, (this.output.columns ?? 80) - 1));
  }

  /** Estimates the remaining time from the finished units, assuming that all units take about the same time. */
  #left(part: number): string {
    if (part === 0) return "";
    const seconds = (performance.now() - this.#started) / 1000;
    return `${clock((seconds / part) * (1 - part))} left`;
  }

  #clear(): void {
    if (this.output.isTTY === true) this.output.write("\r\x1b[2K");
  }
}
