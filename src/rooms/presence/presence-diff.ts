// What those who listen to a room's presence were told, and what is news to them: changes gathered and netted. Pure.
import { presenceFields, type PresenceChanges } from "../../protocol/presence-messages.ts";

/** So much of names and infos, in characters of JSON, may be told at once; of more there are counts. */
export const MAX_LIST_BYTES = 256 * 1024;
/** What is over a limit is under it again only below this part of it: names do not come and go with every change. */
export const HYSTERESIS = 0.9;

/** Who is there now. */
export interface PresenceSource {
  readonly users: number;
  readonly guests: number;
  /** The sum of the lengths of all texts. */
  readonly size: number;
  /** How many may be named. */
  readonly limit: number;
  /** Not everybody who is there is known by name. */
  readonly partial: boolean;
  /** What is said of a user, undefined where they are not there. */
  textOf(user: string): string | undefined;
  /** Each user, and what is said of them. */
  texts(): Iterable<[user: string, text: string]>;
}

/** What there is to tell, if anything, and how many changes that spares: told as one, or undone since. */
export interface TakenDiff {
  changes?: PresenceChanges | undefined;
  netted: number;
}

export class PresenceDiff {
  /** What was told last: how many, and whether they were named. */
  #sent: { users: number; guests: number; named: boolean };
  /** Of users of whom there is something else to tell: what was told, undefined where they were not there. */
  #before = new Map<string, string | undefined>();
  #changes = 0;
  /** All is to be told, whatever was told before. */
  #resend = false;
  #snapshot: string | undefined;

  constructor(readonly present: PresenceSource) {
    this.#sent = { users: 0, guests: 0, named: present.limit > 0 };
  }

  /** There may be something to tell. */
  get pending(): boolean {
    return this.#changes > 0;
  }

  /** Something else is to be said of a user. @param was what would have been said until now */
  note(user: string, was: string | undefined): void {
    this.#changes++;
    // Where nobody was named there is nothing to take back.
    if (this.#sent.named && !this.#before.has(user)) this.#before.set(user, was);
  }

  /** There are more guests, or fewer. */
  noteGuests(): void {
    this.#changes++;
  }

  /** What was told counts for nothing: the next news is a snapshot. */
  restart(): void {
    this.#resend = true;
    this.#sent.named = false;
    this.#before.clear();
    this.#changes++;
    this.#snapshot = undefined;
  }

  /** What has changed since it was last asked: from now on it counts as told. */
  take(): TakenDiff {
    const before = this.#sent;
    const was = this.#before;
    const changes = this.#changes;
    const anew = this.#resend;
    const { users, guests } = this.present;
    const named = this.#fits(before.named);
    this.#sent = { users, guests, named };
    this.#before = new Map();
    this.#changes = 0;
    this.#resend = false;
    this.#snapshot = undefined;
    const tell = (news: PresenceChanges, told: number) => ({
      changes: news,
      netted: Math.max(0, changes - told),
    });
    const otherGuests = before.guests !== guests;
    if (!named) {
      const other = anew || before.named || before.users !== users || otherGuests;
      return other ? tell({ users, guests, more: true }, 1) : { netted: changes };
    }
    if (!before.named) return tell({ users, guests, members: this.#texts() }, 1);
    const { joined, left } = this.#difference(was);
    const told = joined.length + left.length + Number(otherGuests);
    return told > 0 ? tell({ users, guests, joined, left }, told) : { netted: changes };
  }

  /** What was told, as a snapshot, in JSON fields: who is given it now knows what all know, and hears the same news. */
  get snapshot(): string {
    const { users, guests, named } = this.#sent;
    this.#snapshot ??= presenceFields(
      named ? { users, guests, members: this.#texts() } : { users, guests, more: true },
    );
    return this.#snapshot;
  }

  #fits(named: boolean): boolean {
    const { users, size, limit, partial } = this.present;
    const part = named ? 1 : HYSTERESIS;
    return !partial && limit > 0 && users <= Math.ceil(limit * part) && size <= MAX_LIST_BYTES * part;
  }

  #difference(was: Map<string, string | undefined>): { joined: string[]; left: string[] } {
    const joined: string[] = [];
    const left: string[] = [];
    for (const [user, before] of was) {
      const text = this.present.textOf(user);
      if (text === before) continue;
      if (text === undefined) left.push(user);
      else joined.push(text);
    }
    return { joined, left };
  }

  /** What was told of each user. */
  #texts(): string[] {
    const told = [...this.#before.values()].filter((text) => text !== undefined);
    for (const [user, text] of this.present.texts()) if (!this.#before.has(user)) told.push(text);
    return told;
  }
}
