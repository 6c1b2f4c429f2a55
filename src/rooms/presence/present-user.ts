// A user who is present in a room: the reports from all sources, and the report that applies. Pure.
import { newestOf, reportedAt, type PresenceReport } from "./presence-report.ts";

export class PresentUser {
  /** When the earliest session started, in ms since 1970. */
  since: number;
  /** Reports from sessions in this process, by session. */
  readonly here = new Map<string, PresenceReport>();
  /** Reports from other nodes, by node. */
  readonly elsewhere = new Map<string, PresenceReport>();
  /** The last local report. Set during the grace period. */
  leaving: PresenceReport | undefined;
  /** The report that applies: the most recent one from any source. */
  newest: PresenceReport;
  /** The user as JSON, as sent to subscribers; "" until the first `record`. */
  text = "";

  constructor(first: PresenceReport) {
    this.since = first.since;
    this.newest = first;
  }

  /** Whether the user has a session in this process, or is in the grace period after the last one. */
  get isOnThisNode(): boolean {
    return this.here.size > 0 || this.leaving !== undefined;
  }

  get isPresent(): boolean {
    return this.isOnThisNode || this.elsewhere.size > 0;
  }

  get sessions(): number {
    let count = 0;
    for (const { sessions } of this.here.values()) count += sessions;
    for (const { sessions } of this.elsewhere.values()) count += sessions;
    return count;
  }

  /** This process's reports combined: the newest report with the earliest start and the total number of sessions. */
  get localReport(): PresenceReport | undefined {
    const newest = newestOf(this.here.values()) ?? this.leaving;
    if (!newest) return undefined;
    let { since } = newest;
    let sessions = 0;
    for (const report of this.here.values()) {
      since = Math.min(since, report.since);
      sessions += report.sessions;
    }
    return { user: newest.user, info: newest.info, since, sessions, at: reportedAt(newest) };
  }

  /**
   * Replaces the report from a source.
   * @param sources `here` or `elsewhere`
   * @param isChange true if the content differs from the source's previous report
   */
  record(
    sources: Map<string, PresenceReport>,
    source: string,
    report: PresenceReport,
    isChange: boolean,
  ): void {
    const before = sources.get(source);
    // Only a changed report moves to the end, because the last of several reports with the same time applies.
    if (isChange) sources.delete(source);
    sources.set(source, report);
    const { newest, leaving } = this;
    const applies = isChange
      ? newest === leaving || reportedAt(report) >= reportedAt(newest)
      : newest === before;
    if (applies) this.newest = report;
    else if (newest === before) this.newest = newestOf(this.#reports()) ?? report;
  }

  /**
   * Selects the report that applies after a report has been retracted. Returns false if the retracted report was not
   * the one that applied.
   */
  reselect(retracted: PresenceReport | undefined): boolean {
    if (this.newest !== retracted) return false;
    this.newest = newestOf(this.#reports()) ?? this.leaving ?? this.newest;
    return true;
  }

  *#reports(): Iterable<PresenceReport> {
    yield* this.elsewhere.values();
    yield* this.here.values();
  }
}
