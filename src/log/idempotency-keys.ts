// Idempotency keys and the positions of their publications, limited by count and age. Pure: the caller passes the
// time.
import { createHash } from "node:crypto";
import { ThumpError } from "../protocol/codes.ts";
import type { Draft } from "../protocol/publication.ts";

/** The position that a repeated key returns. */
export interface LogPosition {
  readonly seq: number;
  readonly prev: number;
  readonly time: number;
}

/** A used key: the publication's position and hash. Keys from older versions have no hash. */
export interface UsedKey extends LogPosition {
  readonly hash?: string | undefined;
}

const KEYS_PER_TRIM = 2000;

export class IdempotencyKeys {
  /** Oldest first: a Map keeps the order of insertion. */
  readonly #positions = new Map<string, UsedKey>();

  /**
   * @param count maximum number of keys
   * @param age maximum age in ms
   */
  constructor(
    readonly count = 100_000,
    readonly age = 600_000,
  ) {}

  get size(): number {
    return this.#positions.size;
  }

  /** The position of the oldest key. */
  get oldest(): LogPosition | undefined {
    return this.#positions.values().next().value;
  }

  /** Returns the position of a key if the key has not expired. */
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

  /** Removes some of the expired keys. Returns true if there may be more expired keys. */
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
 * Returns the name under which the log stores a draft's key. Keys are separate per room and per scope (`scope`, or the
 * user). Clients without a user share one scope, because nothing else identifies them after a reconnect.
 */
export function scopedKey({ room, from, scope }: Draft, key: string): string {
  return JSON.stringify([room, from ?? null, key, ...(scope === undefined ? [] : [scope])]);
}

/** The length of a hash, in characters: enough for 96 bits. */
const HASH_LENGTH = 16;

/** Returns a hash of a draft's event and data. */
export function hashDraft({ event, data }: Draft): string {
  // A line feed separates the two parts unambiguously, because JSON escapes line feeds in strings.
  return createHash("sha256")
    .update(`${JSON.stringify([data.kind, event])}\n`)
    .update(data.kind === "binary" ? data.bytes : data.text)
    .digest("base64url")
    .slice(0, HASH_LENGTH);
}

/**
 * Returns true if a draft repeats the key's publication. A key without a hash (from an older version) matches any
 * draft.
 */
export function isRepeat({ hash }: { hash?: string | undefined }, other: string): boolean {
  return hash === undefined || hash === other;
}

/** Returns the error for a key that is reused with a different event or different data. */
export function keyReused(key: string | undefined): ThumpError {
  return new ThumpError(
    "key-reused",
    `The idempotency key "${key}" has already been used with a different event or different data. Use a new key for each publication.`,
  );
}
