// Idempotency keys and the positions they got: bounded by count and age. Pure: the clock is handed in.

/** What a repeated key is answered with. */
export interface Position {
  readonly seq: number;
  readonly prev: number;
  readonly time: number;
}

export class Keys {
  /** Oldest first: a Map keeps the order of insertion. */
  readonly #positions = new Map<string, Position>();

  /** @param count how many keys are remembered @param age for how long, in ms */
  constructor(
    readonly count = 100_000,
    readonly age = 600_000,
  ) {}

  get size(): number {
    return this.#positions.size;
  }

  /** The position of the key that was set first of all that are remembered. */
  get oldest(): Position | undefined {
    return this.#positions.values().next().value;
  }

  /** The position a key got, if it was used not too long ago. */
  get(key: string, now: number): Position | undefined {
    const position = this.#positions.get(key);
    return position && position.time > now - this.age ? position : undefined;
  }

  set(key: string, position: Position): void {
    this.#positions.delete(key);
    this.#positions.set(key, position);
    if (this.#positions.size > this.count) {
      for (const oldest of this.#positions.keys()) {
        this.#positions.delete(oldest);
        break;
      }
    }
  }

  /** Forgets keys that are too old. */
  trim(now: number): void {
    for (const [key, { time }] of this.#positions) {
      if (time > now - this.age) break;
      this.#positions.delete(key);
    }
  }
}

/** One key a room and user: two users who happen to choose the same one do not hide each other's messages. */
export function scopedKey(room: string, from: string | undefined, key: string): string {
  return JSON.stringify([room, from ?? null, key]);
}
