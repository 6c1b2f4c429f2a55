// The list of attacks, the interface that attacks implement, and the messages to and from the attacker's process.

/** The attacks, in execution order. */
export const ATTACKS = {
  connects: "handshakes from one address",
  publishes: "publishes by one session",
  frames: "sessions that send invalid frames",
  slow: "slow requests, sent byte by byte",
  bodies: "bodies that are too large",
  tokens: "invalid tokens",
  items: "batches of 500,000 invalid items",
  copies: "items of 1 MB for 1,000 rooms",
  cursors: "resumes of 1,000 rooms",
  polls: "long polls closed at once",
  held: "connections kept open after a poll",
  members: "members commands in a room of 3,000 sessions",
  sampled: "20 idle streams of 1,000 rooms with max",
  history: "reads of the newest 1,000",
  rooms: "streams of 1,000 new rooms each",
  scattered: "batches to 100 new rooms each",
  deaf: "sockets that request history and do not read",
  refused: "refused publishes",
} as const;
export type AttackName = keyof typeof ATTACKS;

/** Attacks that open connections. They do not count toward the attack scenario's latency target. */
export const HANDSHAKES: ReadonlySet<AttackName> = new Set(["connects"]);

/** A prepared attack with a fixed rate. */
export interface Attack {
  /** Requests per second. */
  rate: number;
  /** Sends this many requests now. */
  send(count: number): void;
  /** Closes the attack's connections. */
  end(): void;
}

/** A command to the attacker, one per line: start an attack, or end it. */
export type AttackerCommand = { begin: AttackName } | { end: true };

/** The response to `begin`, sent once the attack is prepared. */
export interface AttackReady {
  ready: true;
}

/** The response to `end`. */
export interface AttackReport {
  requests: number;
  seconds: number;
  /** Cores used by the attacker. */
  cpu: number;
  /** The number of responses per HTTP status or error code: "429", "rate", "101". */
  answers: Record<string, number>;
  /** The HTTP status of a handshake from another address during the attack, or "none" after a 5-second timeout. */
  newcomer: string;
}
