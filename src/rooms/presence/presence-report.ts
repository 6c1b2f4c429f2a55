// What sources say of one user of a room, and which of it counts. Pure.

/** What is known of a user, or of guests, from one source: a session of this process, or another node. */
export interface PresenceReport {
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
export interface PresentUser {
  since: number;
  /** What each source says: sessions here, and other nodes. */
  readonly here: Map<string, PresenceReport>;
  readonly elsewhere: Map<string, PresenceReport>;
  /** What was said here last, while the grace runs. */
  leaving: PresenceReport | undefined;
  newest: PresenceReport;
  text: string;
}

export function reportedAt({ at, since }: PresenceReport): number {
  return at ?? since;
}

/** All that is said of it. */
export function* said({ here, elsewhere }: PresentUser): Iterable<PresenceReport> {
  yield* elsewhere.values();
  yield* here.values();
}

/** Of those that say it since the same moment the last one. */
export function newestOf(all: Iterable<PresenceReport>): PresenceReport | undefined {
  let newest: PresenceReport | undefined;
  for (const seen of all) if (!newest || reportedAt(seen) >= reportedAt(newest)) newest = seen;
  return newest;
}

export function sum(numbers: Iterable<number>): number {
  let all = 0;
  for (const number of numbers) all += number;
  return all;
}
