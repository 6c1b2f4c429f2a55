// One user who is present in a room: the reports of all sources, and the report that applies. Pure.
import { newestOf, reportedAt, type PresenceReport } from "./presence-report.ts";

export class PresentUser {
  /** Start of the earliest session, in ms since 1970. */
  since: number;
  /** Reports by session of this process. */
  readonly here = new Map<string, PresenceReport>();
  /** Reports by other node. */
  readonly elsewhere = new Map<string, PresenceReport>();
  /** The last local report, during the grace period. */
  leaving: PresenceReport | undefined;
  /** The report that applies: the most recent of all. */
  newest: PresenceReport;
  /** JSON of the user as subscribers receive it, "" until the first `record`. */
  text = "";

  constructor(first: PresenceReport) {
    this.since = first.since;
    this.newest = first;
  }

  /** True if a session of this process represents the user, or did and the grace period is running. */
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

  /** All reports of this process combined: the newest one, with the earliest start and the sum of the sessions. */
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
   * Replaces the report of a source.
   * @param sources `here` or `elsewhere`
   * @param isChange the content differs from the source's previous report
   */
  record(
    sources: Map<string, PresenceReport>,
    source: string,
    report: PresenceReport,
    isChange: boolean,
  ): void {
    const before = sources.get(source);
    // Only a changed report moves to the end: among reports of the same time, the last one applies.
    if (isChange) sources.delete(source);
    sources.set(source, report);
    const { newest, leaving } = this;
    const applies = isChange
      ? newest === leaving || reportedAt(report) >= reportedAt(newest)
      : newest === before;
    if (applies) this.newest = report;
    else if (newest === before) this.newest = newestOf(this.#reports()) ?? report;
  }

  /** Selects the report that applies after one was retracted. Returns false if the retracted one did not apply. */
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
