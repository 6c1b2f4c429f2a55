// A room whose presence is followed here: what other nodes say of it, in order, or known to have left something out.
import type { PresenceReport } from "../../../rooms/presence/presence-report.ts";
import type { PresenceSet } from "../../../rooms/presence/presence-set.ts";

/** A change: its number and that of the one before it, who says it, users of all nodes, then of the source. */
export type PresenceChange = [
  v: number,
  prev: number,
  source: string,
  users: number,
  guests: number,
  sessions: number,
  said?: PresenceReport[],
  gone?: string[],
];

/** Whom all sources see. Without `said` there are too many for names. */
export interface PresenceState {
  v: number;
  users: number;
  sources: { source: string; guests: number; sessions: number; said?: PresenceReport[] }[];
}

/** Reads what READ_PRESENCE returned. */
export function parsePresenceState(reply: unknown): PresenceState {
  const [v, users, counts, words] = reply as [number, number, Buffer[], Buffer[][] | null];
  const sources: PresenceState["sources"] = [];
  for (let i = 0; i + 1 < counts.length; i += 2) {
    const [guests = 0, sessions = 0] = String(counts[i + 1])
      .split(" ")
      .map(Number);
    const said = words?.[i / 2]?.map((text) => JSON.parse(String(text)) as PresenceReport);
    sources.push({ source: String(counts[i]), guests, sessions, ...(said ? { said } : {}) });
  }
  return { v, users, sources };
}

export class PresenceSubscription {
  /** Users here, and guests (undefined), of whom something else is to be told. */
  readonly dirty = new Set<string | undefined>();
  readonly started = Promise.withResolvers<void>();
  /** What was read is not all, or was not read at all: it is to be read again. */
  stale = true;
  /** What came while it is read. */
  early: PresenceChange[] | undefined;
  /** The number of the newest change that was heard. */
  #v = 0;
  /** Sessions of users, by source. */
  readonly #sources = new Map<string, number>();

  /** @param isOwn whether a source is this node: it tells what it knows anyway */
  constructor(
    readonly name: string,
    readonly members: PresenceSet,
    readonly onNews: () => void,
    readonly isOwn: (source: string) => boolean,
  ) {}

  /** @returns false when something is missing before it */
  take(change: PresenceChange): boolean {
    const [v, prev, source, users, guests, sessions, said, gone = []] = change;
    if (this.early) return this.early.push(change) > 0;
    if (v <= this.#v || this.stale) return true;
    if (prev !== this.#v) return false;
    this.#v = v;
    const { members } = this;
    if (!this.isOwn(source)) {
      this.#count(source, guests, sessions);
      for (const user of gone) members.retractFromNode(source, user);
      for (const seen of said ?? []) members.reportFromNode(source, seen);
    }
    if (members.partial || !said) this.#setTooMany(users);
    this.onNews();
    return true;
  }

  /** Whom all see. @param whole false: who is not in it is not gone, Redis has forgotten them */
  replace({ v, users, sources }: PresenceState, whole: boolean): void {
    const { members } = this;
    const others = sources.filter(({ source }) => !this.isOwn(source));
    const known = new Set(others.map(({ source }) => source));
    if (whole) for (const source of this.#sources.keys()) if (!known.has(source)) this.#drop(source);
    const named = sources.every(({ said }) => said);
    if (named) members.setTooMany(undefined);
    for (const { source, guests, sessions, said } of others) {
      this.#count(source, guests, sessions);
      if (said && named) members.reportAllFromNode(source, said, whole);
    }
    if (!named) this.#setTooMany(users);
    this.#v = v;
    this.stale = false;
    this.onNews();
  }

  /** Nobody knows who is elsewhere. */
  dropAll(): void {
    for (const source of this.#sources.keys()) this.#drop(source);
    if (this.members.partial) this.members.setTooMany(0);
    this.stale = true;
    this.onNews();
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
    const begins = !members.partial;
    members.setTooMany(users);
    if (begins) for (const [source, sessions] of this.#sources) members.setNodeSessions(source, sessions);
  }
}
