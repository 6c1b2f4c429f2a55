// Live progress: on a terminal one line that is written over and over, in a pipe only lines that stay.

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

  /** @param total units of work; `done` finishes one. */
  constructor(
    readonly total: number,
    readonly output: Output = process.stderr,
  ) {}

  /** What is worked on from now: the scenario, the server, the run. */
  begin(label: string): void {
    this.#label = label;
    this.say("");
  }

  /** What it does at this moment. */
  say(text: string): void {
    this.#text = text;
    this.#draw();
  }

  /** One unit is finished. */
  done(): void {
    this.#finished = Math.min(this.total, this.#finished + 1);
    this.say("");
  }

  /** A line that stays. */
  note(line: string): void {
    this.#clear();
    this.output.write(`${line}\n`);
    this.#draw();
  }

  /** Takes the moving line away. */
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

  /** Guessed from what is done: units take about as long as one another. */
  #left(part: number): string {
    if (part === 0) return "";
    const seconds = (performance.now() - this.#started) / 1000;
    return `${clock((seconds / part) * (1 - part))} left`;
  }

  #clear(): void {
    if (this.output.isTTY === true) this.output.write("\r\x1b[2K");
  }
}
