// Progress of a long publish: one line that is redrawn on a terminal, nothing in a pipe.
import type { ServerError } from "../http-api.ts";
import { draw, printError } from "../terminal.ts";

/** Minimum time between two redraws. */
const REDRAW_INTERVAL_MS = 200;

export class Progress {
  readonly #terminal = process.stderr.isTTY === true;
  #shown = Number.NEGATIVE_INFINITY;
  #text = "";
  /** True while a reported outage lasts. */
  #outage = false;

  show(published: number, at: string | undefined): void {
    if (this.#outage) this.note("the server is available again");
    this.#outage = false;
    this.#text = `${published.toLocaleString("en")} published, at ${at ?? "the start"}`;
    if (performance.now() - this.#shown >= REDRAW_INTERVAL_MS) this.#draw(this.#text);
  }

  /** Reports a delay before a retry. In a pipe, only the start of an outage is reported. */
  wait(ms: number, error: ServerError): void {
    if (error.isUnavailable && !this.#outage) this.note(`${error.message}; retrying`);
    this.#outage ||= error.isUnavailable;
    const reason = error.isUnavailable ? "the server is unavailable" : "rate-limited by the server";
    this.#draw(`${this.#text}${this.#text && "; "}${reason}, next attempt in ${(ms / 1000).toFixed(1)} s`);
  }

  /** Prints a permanent line. */
  note(text: string): void {
    this.#clear();
    printError(text);
  }

  end(): void {
    this.#clear();
  }

  #draw(text: string): void {
    if (!this.#terminal) return;
    this.#shown = performance.now();
    draw(text);
  }

  #clear(): void {
    if (this.#terminal && Number.isFinite(this.#shown)) draw("");
  }
}
