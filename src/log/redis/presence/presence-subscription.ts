// A room whose presence is followed here: what other nodes say of it, in order, or known to have left something out.
import type { Seen } from "../../../rooms/presence/presence-report.ts";
import type { Members } from "../../../rooms/presence/presence-set.ts";

/** A change: its number and that of the one before it, who says it, users of all nodes, then of the source. */
export type Change = [
  v: number,
  prev: number,
  source: string,
  users: number,
  guests: number,
  sessions: number,
  said?: Seen[],
  gone?: string[],
];

/** Whom all sources see. Without `said` there are too many for names. */
export interface Look {
  v: number;
  users: number;
  sources: { source: string; guests: number; sessions: number; said?: Seen[] }[];
}

/** Reads what LOOK returned. */
export function readLook(reply: unknown): Look {
  const [v, users, counts, words] = reply as [number, number, Buffer[], Buffer[][] | null];
  const sources: Look["sources"] = [];
  for (let i = 0; i + 1 < counts.length; i += 2) {
    const [guests = 0, sessions = 0] = String(counts[i + 1])
      .split(" ")
      .map(Number);
    const said = words?.[i / 2]?.map((text) => JSON.parse(String(text)) as Seen);
    sources.push({ source: String(counts[i]), guests, sessions, ...(said ? { said } : {}) });
  }
  return { v, users, sources };
}

export class FollowedCrowd {
  /** Users here, and guests (undefined), of whom something else is to be told. */
  readonly dirty = new Set<string | undefined>();
  readonly started = Promise.withResolvers<void>();
  /** What was read is not all, or was not read at all: it is to be read again. */
  stale = true;
  /** What came while it is read. */
  early: Change[] | undefined;
  /** The number of the newest change that was heard. */
  #v = 0;
  /** Sessions of users, by source. */
  readonly #sources = new Map<string, number>();

  /** @param isOwn whether a source is this node: it tells what it knows anyway */
  constructor(
    readonly name: string,
    readonly members: Members,
    readonly onNews: () => void,
    readonly isOwn: (source: string) => boolean,
  ) {}

  /** @returns false when something is missing before it */
  take(change: Change): boolean {
    const [v, prev, source, users, guests, sessions, said, gone = []] = change;
    if (this.early) return this.early.push(change) > 0;
    if (v <= this.#v || this.stale) return true;
    if (prev !== this.#v) return false;
    this.#v = v;
    const { members } = this;
    if (!this.isOwn(source)) {
      this.#count(source, guests, sessions);
      for (const user of gone) members.unhear(source, user);
      for (const seen of said ?? []) members.hear(source, seen);
    }
    if (members.partial || !said) this.#crowd(users);
    this.onNews();
    return true;
  }

  /** Whom all see. @param whole false: who is not in it is not gone, Redis has forgotten them */
  replace({ v, users, sources }: Look, whole: boolean): void {
    const { members } = this;
    const others = sources.filter(({ source }) => !this.isOwn(source));
    const known = new Set(others.map(({ source }) => source));
    if (whole) for (const source of this.#sources.keys()) if (!known.has(source)) this.#drop(source);
    const named = sources.every(({ said }) => said);
    if (named) members.crowd(undefined);
    for (const { source, guests, sessions, said } of others) {
      this.#count(source, guests, sessions);
      if (said && named) members.hearAll(source, said, whole);
    }
    if (!named) this.#crowd(users);
    this.#v = v;
    this.stale = false;
    this.onNews();
  }

  /** Nobody knows who is elsewhere. */
  dropAll(): void {
    for (const source of this.#sources.keys()) this.#drop(source);
    if (this.members.partial) this.members.crowd(0);
    this.stale = true;
    this.onNews();
  }

  #drop(source: string): void {
    this.#sources.delete(source);
    this.members.drop(source);
  }

  #count(source: string, guests: number, sessions: number): void {
    this.#sources.set(source, sessions);
    this.members.hear(source, { since: 0, sessions: guests });
    if (this.members.partial) this.members.hearSessions(source, sessions);
  }

  #crowd(users: number): void {
    const { members } = this;
    const begins = !members.partial;
    members.crowd(users);
    if (begins) for (const [source, sessions] of this.#sources) members.hearSessions(source, sessions);
  }
}
