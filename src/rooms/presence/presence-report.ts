// Reports from one source about a user in a room, or about the guests. Pure.

/** A report from one source: a session in this process, or another node. */
export interface PresenceReport {
  /** Undefined for guests. */
  readonly user?: string | undefined;
  /** The `info` claim of the user's token. */
  readonly info?: unknown;
  /** When the earliest session started, in ms since 1970. */
  readonly since: number;
  readonly sessions: number;
  /** When the report's content was set, in ms since 1970. The most recent report applies. Defaults to `since`. */
  readonly at?: number;
}

export function reportedAt({ at, since }: PresenceReport): number {
  return at ?? since;
}

/** Returns the most recent report. If several have the same time, returns the last one. */
export function newestOf(reports: Iterable<PresenceReport>): PresenceReport | undefined {
  let newest: PresenceReport | undefined;
  for (const report of reports) if (!newest || reportedAt(report) >= reportedAt(newest)) newest = report;
  return newest;
}
