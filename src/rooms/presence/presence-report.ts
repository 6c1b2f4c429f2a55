// What sources say of one user of a room, and which of it counts. Pure.

/** What is known of a user, or of guests, from one source: a session of this process, or another node. */
export interface Seen {
  /** Absent: guests. */
  readonly user?: string | undefined;
  readonly info?: unknown;
  /** In ms since 1970. */
  readonly since: number;
  readonly sessions: number;
  /** Since when it says what it says, in ms since 1970: of several, what is newest is told. Absent: `since`. */
  readonly at?: number;
}

/** A user. */
export interface Member {
  since: number;
  /** What each source says: sessions here, and other nodes. */
  readonly here: Map<string, Seen>;
  readonly elsewhere: Map<string, Seen>;
  /** What was said here last, while the grace runs. */
  parting: Seen | undefined;
  newest: Seen;
  text: string;
}

export function saidAt({ at, since }: Seen): number {
  return at ?? since;
}

/** All that is said of it. */
export function* said({ here, elsewhere }: Member): Iterable<Seen> {
  yield* elsewhere.values();
  yield* here.values();
}

/** Of those that say it since the same moment the last one. */
export function newestOf(all: Iterable<Seen>): Seen | undefined {
  let newest: Seen | undefined;
  for (const seen of all) if (!newest || saidAt(seen) >= saidAt(newest)) newest = seen;
  return newest;
}

export function sum(numbers: Iterable<number>): number {
  let all = 0;
  for (const number of numbers) all += number;
  return all;
}
