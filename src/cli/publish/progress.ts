// How far a long publish is: a line on a terminal that is written over, nothing in a pipe.
import type { ServerError } from "../http-api.ts";
import { draw, printError } from "../terminal.ts";

/** Between two looks of a person, in ms. */
const REDRAW_INTERVAL_MS = 200;

export class Progress {
  readonly #terminal = process.stderr.isTTY === true;
  #shown = Number.NEGATIVE_INFINITY;
  #text = "";
  /** The server is away, and that has been said. */
  #away = false;

  show(published: number, at: string | undefined): void {
    if (this.#away) this.note("the server is back");
    this.#away = false;
    this.#text = `${published.toLocaleString("en")} published, at ${at ?? "the beginning"}`;
    if (performance.now() - this.#shown >= REDRAW_INTERVAL_MS) this.#draw(this.#text);
  }

  /** It goes on in so many ms. A server that is away is worth a line in a log too. */
  wait(ms: number, error: ServerError): void {
    if (error.away && !this.#away) this.note(`${error.message}; trying again`);
    this.#away ||= error.away;
    const why = error.away ? "the server is away" : "as fast as the server takes them";
    this.#draw(`${this.#text}${this.#text && "; "}${why}, on in ${(ms / 1000).toFixed(1)} s`);
  }

  /** A line that stays. */
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
