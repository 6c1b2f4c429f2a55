// The newest messages in a room, as a list that can be paused. Pure.

/** Maximum number of lines shown. */
export const MAX_LINES = 300;

export interface TailLine {
  /** Unique, in order of arrival. */
  id: number;
  data: unknown;
  event: string;
  at: string;
  from: string | undefined;
  time: number;
}

/** A gap in the messages. */
export interface Missing {
  id: number;
  gap: { after: string; at: string };
}

export type Item = TailLine | Missing;

export class RoomTail {
  #shown: Item[] = [];
  #waiting: Item[] = [];
  #next = 0;
  /** Number of messages dropped during a pause because they exceeded the limit. */
  #discarded = 0;
  paused = false;

  get items(): readonly Item[] {
    return this.#shown;
  }

  /** Number of messages held back during a pause. */
  get waiting(): number {
    return this.#waiting.length + this.#discarded;
  }

  add(line: Omit<TailLine, "id"> | Omit<Missing, "id">): void {
    const item = { ...line, id: this.#next++ } as Item;
    const list = this.paused ? this.#waiting : this.#shown;
    list.push(item);
    // Removed in batches, because every removal moves all items.
    if (list.length <= MAX_LINES * 2) return;
    if (this.paused) this.#discarded += list.length - MAX_LINES;
    list.splice(0, list.length - MAX_LINES);
  }

  pause(): void {
    this.paused = true;
  }

  /** Shows the messages that arrived during the pause. */
  resume(): void {
    this.paused = false;
    this.#shown = [...this.#shown, ...this.#waiting].slice(-MAX_LINES);
    this.#waiting = [];
    this.#discarded = 0;
  }

  clear(): void {
    this.#shown = [];
    this.#waiting = [];
    this.#discarded = 0;
  }
}
