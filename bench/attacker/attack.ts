// What an attack is, and what the attacker's process is told and answers.

/** In the order in which they are played. */
export const ATTACKS = {
  connects: "handshakes, from one address",
  publishes: "publications of one session",
  frames: "frames that are no commands",
  slow: "heads and bodies a byte at a time",
  bodies: "bodies over the limit",
  tokens: "bad tokens",
  items: "batches of 500,000 items that are none",
  copies: "one item of 1 MB for 1,000 rooms",
  cursors: "old cursors in 1,000 rooms",
  polls: "long polls that are closed at once",
  held: "connections kept open after a poll",
  members: "members of a room of 3,000 sessions",
  sampled: "20 idle streams of 1,000 rooms at a rate",
  history: "the newest 1,000 of a room",
  rooms: "streams of 1,000 new rooms each",
  scattered: "publications to ever new rooms",
  deaf: "sockets that ask for history and do not read",
  refused: "publications that are refused",
} as const;
export type AttackName = keyof typeof ATTACKS;

/** Attacks that open connections: their acts are compared with a bare server's, not bounded by themselves. */
export const HANDSHAKES: ReadonlySet<AttackName> = new Set(["connects"]);

/** A kind of harm, done at a fixed pace. */
export interface Attack {
  /** Acts a second. */
  pace: number;
  /** Performs this many acts now. */
  act(count: number): void;
  /** Closes what it opened. */
  end(): void;
}

/** A line to the attacker: which attack begins, or that it ends. */
export type Order = { begin: AttackName } | { end: true };

/** Its answer to the beginning, once everything that the attack needs is in place. */
export interface Ready {
  ready: true;
}

/** Its answer to the end. */
export interface Deeds {
  acts: number;
  seconds: number;
  /** Cores that the attacker used. */
  cpu: number;
  /** How often the server answered with a status or an error code: "429", "rate", "101". */
  answers: Record<string, number>;
  /** The HTTP status that answered a handshake from another address during the attack; "none" after five seconds. */
  newcomer: string;
}
