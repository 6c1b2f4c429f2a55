// What an attack is, and what the attacker's process is told and answers.

/** In the order in which they come, in words. */
export const ATTACKS = {
  connects: "handshakes, from one address",
  publishes: "publications of one session",
  frames: "frames that are none",
  slow: "heads and bodies a byte at a time",
  bodies: "bodies over the limit",
  tokens: "bad tokens",
} as const;
export type AttackName = keyof typeof ATTACKS;

/** A kind of harm, done at a fixed pace. */
export interface Attack {
  /** Acts a second. */
  pace: number;
  /** Does so many acts now. */
  act(count: number): void;
  /** Closes what it opened. */
  end(): void;
}

/** A line to the attacker: which attack begins, or that it ends. */
export type Order = { begin: AttackName } | { end: true };

/** Its answer to the end: how many acts there were, over how many seconds, and what cores it used. */
export interface Deeds {
  acts: number;
  seconds: number;
  cpu: number;
}
