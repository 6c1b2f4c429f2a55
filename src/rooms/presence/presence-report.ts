// A report about one user of a room, or about guests, from one source. Pure.

/** A report of one source: a session of this process, or another node. */
export interface PresenceReport {
  /** Undefined for guests. */
  readonly user?: string | undefined;
  /** The `info` claim of the user's token. */
  readonly info?: unknown;
  /** Start of the earliest session, in ms since 1970. */
  readonly since: number;
  readonly sessions: number;
  /** Time of the report's content, in ms since 1970; the most recent report applies. Absent: `since`. */
  readonly at?: number;
}

export function reportedAt({ at, since }: PresenceReport): number {
  return at ?? since;
}

/** Returns the most recent report; the last one among reports of the same time. */
export function newestOf(reports: Iterable<PresenceReport>): PresenceReport | undefined {
  let newest: PresenceReport | undefined;
  for (const report of reports) if (!newest || reportedAt(report) >= reportedAt(newest)) newest = report;
  return newest;
}
