// What is shown of a room as it happens: the newest few, which can be held still. Pure.

/** So many are shown. */
export const MAX_LINES = 300;

export interface TailLine {
  /** Of its own, in the order of arrival. */
  id: number;
  data: unknown;
  event: string;
  at: string;
  from: string | undefined;
  time: number;
}

/** A line that says that something is missing. */
export interface Missing {
  id: number;
  gap: { after: string; at: string };
}

export type Item = TailLine | Missing;

export class RoomTail {
  #shown: Item[] = [];
  #held: Item[] = [];
  #next = 0;
  /** How many came while it was held still, and were too many to be kept. */
  #passed = 0;
  paused = false;

  get items(): readonly Item[] {
    return this.#shown;
  }

  /** How many wait to be shown. */
  get waiting(): number {
    return this.#held.length + this.#passed;
  }

  add(line: Omit<TailLine, "id"> | Omit<Missing, "id">): void {
    const item = { ...line, id: this.#next++ } as Item;
    const list = this.paused ? this.#held : this.#shown;
    list.push(item);
    // In larger steps: a shift for each would move all of them each time.
    if (list.length <= MAX_LINES * 2) return;
    if (this.paused) this.#passed += list.length - MAX_LINES;
    list.splice(0, list.length - MAX_LINES);
  }

  pause(): void {
    this.paused = true;
  }

  /** Shows what has come meanwhile. */
  resume(): void {
    this.paused = false;
    this.#shown = [...this.#shown, ...this.#held].slice(-MAX_LINES);
    this.#held = [];
    this.#passed = 0;
  }

  clear(): void {
    this.#shown = [];
    this.#held = [];
    this.#passed = 0;
  }
}
