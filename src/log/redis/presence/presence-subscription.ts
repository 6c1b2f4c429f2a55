// Presence in one subscribed room: applies changes from other nodes in order, and detects missed changes.
import type { PresenceReport } from "../../../rooms/presence/presence-report.ts";
import type { PresenceSet } from "../../../rooms/presence/presence-set.ts";

/**
 * A change: its number, the number of the previous change, the source, the number of users on all nodes, then the
 * source's own values.
 */
export type PresenceChange = [
  v: number,
  prev: number,
  source: string,
  users: number,
  guests: number,
  sessions: number,
  reports?: PresenceReport[],
  left?: string[],
];

/** The presence of a room as reported by all sources. `reports` is missing if there are too many users to list. */
export interface PresenceState {
  v: number;
  users: number;
  sources: { source: string; guests: number; sessions: number; reports?: PresenceReport[] }[];
}

/** Parses the result of READ_PRESENCE. */
export function parsePresenceState(reply: unknown): PresenceState {
  const [v, users, counts, reportsBySource] = reply as [number, number, Buffer[], Buffer[][] | null];
  const sources: PresenceState["sources"] = [];
  for (let i = 0; i + 1 < counts.length; i += 2) {
    const [guests = 0, sessions = 0] = String(counts[i + 1])
      .split(" ")
      .map(Number);
    const reports = reportsBySource?.[i / 2]?.map((text) => JSON.parse(String(text)) as PresenceReport);
    sources.push({ source: String(counts[i]), guests, sessions, ...(reports ? { reports } : {}) });
  }
  return { v, users, sources };
}

export class PresenceSubscription {
  /** Local users with unwritten changes; undefined stands for the guests. */
  readonly dirty = new Set<string | undefined>();
  readonly started = Promise.withResolvers<void>();
  /** Whether the room must be read again, because changes were missed or nothing has been read yet. */
  stale = true;
  /** Changes that have arrived during the current read; undefined if no read is running. */
  early: PresenceChange[] | undefined;
  /** The number of the newest change received. */
  #v = 0;
  /** The number of user sessions per source. */
  readonly #sources = new Map<string, number>();

  /** @param isOwn returns true for this node's own sources, whose reports are already known */
  constructor(
    readonly name: string,
    readonly members: PresenceSet,
    readonly onChange: () => void,
    readonly isOwn: (source: string) => boolean,
  ) {}

  /**
   * Applies a change.
   * @returns false if an earlier change is missing
   */
  apply(change: PresenceChange): boolean {
    const [v, prev, source, users, guests, sessions, reports, left = []] = change;
    if (this.early) return this.early.push(change) > 0;
    if (v <= this.#v || this.stale) return true;
    if (prev !== this.#v) return false;
    this.#v = v;
    const { members } = this;
    if (!this.isOwn(source)) {
      this.#count(source, guests, sessions);
      for (const user of left) members.retractFromNode(source, user);
      for (const report of reports ?? []) members.reportFromNode(source, report);
    }
    if (members.partial || !reports) this.#setTooMany(users);
    this.onChange();
    return true;
  }

  /**
   * Replaces the reports from all sources.
   * @param whole false after Redis has lost data, in which case users without a report are kept
   */
  replace({ v, users, sources }: PresenceState, whole: boolean): void {
    const { members } = this;
    const others = sources.filter(({ source }) => !this.isOwn(source));
    const known = new Set(others.map(({ source }) => source));
    if (whole) for (const source of this.#sources.keys()) if (!known.has(source)) this.#drop(source);
    const listed = sources.every(({ reports }) => reports);
    if (listed) members.setTooMany(undefined);
    for (const { source, guests, sessions, reports } of others) {
      this.#count(source, guests, sessions);
      if (reports && listed) members.reportAllFromNode(source, reports, whole);
    }
    if (!listed) this.#setTooMany(users);
    this.#v = v;
    this.stale = false;
    this.onChange();
  }

  /** Drops the reports from all other nodes, because the current state of those nodes is unknown. */
  dropAll(): void {
    for (const source of this.#sources.keys()) this.#drop(source);
    if (this.members.partial) this.members.setTooMany(0);
    this.stale = true;
    this.onChange();
  }

  #drop(source: string): void {
    this.#sources.delete(source);
    this.members.dropNode(source);
  }

  #count(source: string, guests: number, sessions: number): void {
    this.#sources.set(source, sessions);
    this.members.reportFromNode(source, { since: 0, sessions: guests });
    if (this.members.partial) this.members.setNodeSessions(source, sessions);
  }

  #setTooMany(users: number): void {
    const { members } = this;
    const starts = !members.partial;
    members.setTooMany(users);
    if (starts) for (const [source, sessions] of this.#sources) members.setNodeSessions(source, sessions);
  }
}
