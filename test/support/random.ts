// Seeded random numbers: a failing test prints its seed, and THUMP_SEED=<n> repeats the test.
import { test } from "bun:test";

export class Random {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = seed >>> 0;
  }

  /** Returns an integer from 0 to `limit` − 1 (mulberry32). */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  chance(oneIn: number): boolean {
    return this.below(oneIn) === 0;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.below(256));
  }

  /** Text with no split surrogate pairs, and with many characters that are special in some format. */
  text(length: number): string {
    const odd = [
      "\n",
      "\r",
      "\r\n",
      "\u2028",
      "\u0000",
      ":",
      " ",
      '"',
      "\\",
      "é",
      "🐇",
      "{",
      "}",
      "%",
      "\ufeff",
    ];
    return Array.from({ length }, () =>
      this.chance(3) ? this.pick(odd) : String.fromCharCode(32 + this.below(95)),
    ).join("");
  }

  /** Returns a copy of the bytes with a few of them changed, removed or duplicated. */
  mutate(bytes: Uint8Array): Uint8Array {
    const copy = [...bytes];
    for (let i = 0; i <= this.below(4); i++) {
      const at = this.below(copy.length + 1);
      const kind = this.below(4);
      if (kind === 0) copy.splice(at, this.below(8));
      else if (kind === 1) copy.splice(at, 0, ...this.bytes(this.below(4)));
      else if (kind === 2) copy.splice(at, 1, this.below(256));
      else copy.splice(at, 0, ...copy.slice(at, at + this.below(16)));
    }
    return Uint8Array.from(copy);
  }
}

/** A test with a random seed. */
export function randomTest(
  name: string,
  run: (random: Random) => void | Promise<void>,
  timeout?: number,
): void {
  test(
    name,
    async () => {
      const seed = Number(process.env["THUMP_SEED"] ?? crypto.getRandomValues(new Uint32Array(1))[0]);
      try {
        await run(new Random(seed));
      } catch (error) {
        console.error(`${name}: repeat with THUMP_SEED=${seed}`);
        throw error;
      }
    },
    timeout,
  );
}
