// Idempotency keys and the positions they got: bounded by count and age. Pure: the clock is handed in.
import { createHash } from "node:crypto";
import { ThumpError } from "../protocol/codes.ts";
import type { Draft } from "../protocol/publication.ts";

/** What a repeated key is answered with. */
export interface LogPosition {
  readonly seq: number;
  readonly prev: number;
  readonly time: number;
}

/** A key that was used: its position, and the hash of what was published. Keys of older versions have no hash. */
export interface UsedKey extends LogPosition {
  readonly hash?: string | undefined;
}

const KEYS_PER_TRIM = 2000;

export class IdempotencyKeys {
  /** Oldest first: a Map keeps the order of insertion. */
  readonly #positions = new Map<string, UsedKey>();

  /** @param count how many keys are remembered @param age for how long, in ms */
  constructor(
    readonly count = 100_000,
    readonly age = 600_000,
  ) {}

  get size(): number {
    return this.#positions.size;
  }

  /** The position of the key that was set first of all that are remembered. */
  get oldest(): LogPosition | undefined {
    return this.#positions.values().next().value;
  }

  /** The position a key got, if it was used not too long ago. */
  get(key: string, now: number): UsedKey | undefined {
    const position = this.#positions.get(key);
    return position && position.time > now - this.age ? position : undefined;
  }

  set(key: string, position: UsedKey): void {
    this.#positions.delete(key);
    this.#positions.set(key, position);
    if (this.#positions.size > this.count) {
      for (const oldest of this.#positions.keys()) {
        this.#positions.delete(oldest);
        break;
      }
    }
  }

  /** Forgets some of the keys that are too old. True when there may be more. */
  trim(now: number): boolean {
    let left = KEYS_PER_TRIM;
    for (const [key, { time }] of this.#positions) {
      if (time > now - this.age) return false;
      if (left-- === 0) return true;
      this.#positions.delete(key);
    }
    return false;
  }
}

/**
 * The name of a draft's key in the log: by room, and by whoever may use the key again (`scope`, else the user). Clients
 * without a user share one scope: nothing else about them outlives a reconnect.
 */
export function scopedKey({ room, from, scope }: Draft, key: string): string {
  return JSON.stringify([room, from ?? null, key, ...(scope === undefined ? [] : [scope])]);
}

/** In characters: 96 bits. */
const HASH_LENGTH = 16;

/** A hash of what a draft publishes: its event and its data. */
export function hashDraft({ event, data }: Draft): string {
  // The first line ends where it ends: JSON has no line breaks in strings.
  return createHash("sha256")
    .update(`${JSON.stringify([data.kind, event])}\n`)
    .update(data.kind === "binary" ? data.bytes : data.text)
    .digest("base64url")
    .slice(0, HASH_LENGTH);
}

/** Whether a key's publication is repeated. A key of an older version has no hash, and matches anything. */
export function isRepeat({ hash }: { hash?: string | undefined }, other: string): boolean {
  return hash === undefined || hash === other;
}

/** The error for a key that is used again with a different event or different data. */
export function keyReused(key: string | undefined): ThumpError {
  return new ThumpError(
    "key-reused",
    `The idempotency key "${key}" was used with a different event or different data. Use a new key for each publication.`,
  );
}
