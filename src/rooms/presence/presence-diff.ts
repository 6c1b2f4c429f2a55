// The difference between a room's presence and the state last sent to subscribers. Collects changes and cancels out
// opposite ones. Pure.
import { presenceFields, type PresenceChanges } from "../../protocol/presence-messages.ts";

/** The maximum size of a user list, in characters of JSON. Above this size, only counts are sent. */
export const MAX_LIST_BYTES = 256 * 1024;
/**
 * Users are listed again below this share of a limit, so that a room near the limit does not switch between lists and
 * counts with every change.
 */
export const HYSTERESIS = 0.9;

/** The current presence of a room. */
export interface PresenceSource {
  readonly users: number;
  readonly guests: number;
  /** The total length of all texts. */
  readonly size: number;
  /** The maximum number of users to list. */
  readonly limit: number;
  /** Whether some users are only counted and not known individually. */
  readonly partial: boolean;
  /** Returns a user as JSON; undefined if the user is not present. */
  textOf(user: string): string | undefined;
  /** Returns all users and their JSON. */
  texts(): Iterable<[user: string, text: string]>;
}

/**
 * The changes to send, if any, and the number of changes that need not be sent because they were combined or cancelled
 * out.
 */
export interface TakenDiff {
  changes?: PresenceChanges | undefined;
  netted: number;
}

export class PresenceDiff {
  /** The counts that were last sent, and whether users were listed. */
  #sent: { users: number; guests: number; named: boolean };
  /** For each user with an unsent change: the text that was last sent; undefined if the user was not present. */
  #before = new Map<string, string | undefined>();
  #changes = 0;
  /** Whether the next changes replace everything sent before. */
  #resend = false;
  #snapshot: string | undefined;

  constructor(readonly present: PresenceSource) {
    this.#sent = { users: 0, guests: 0, named: present.limit > 0 };
  }

  /** Whether changes may be waiting to be sent. */
  get pending(): boolean {
    return this.#changes > 0;
  }

  /**
   * Records that a user's text has changed.
   * @param before the previous text; undefined if the user was not present
   */
  note(user: string, before: string | undefined): void {
    this.#changes++;
    // If no users were listed, there is nothing to correct.
    if (this.#sent.named && !this.#before.has(user)) this.#before.set(user, before);
  }

  /** Records that the number of guests has changed. */
  noteGuests(): void {
    this.#changes++;
  }

  /** Marks everything sent so far as obsolete: the next changes are a snapshot. */
  restart(): void {
    this.#resend = true;
    this.#sent.named = false;
    this.#before.clear();
    this.#changes++;
    this.#snapshot = undefined;
  }

  /** Returns the changes since the last call, and records them as sent. */
  take(): TakenDiff {
    const previous = this.#sent;
    const before = this.#before;
    const changes = this.#changes;
    const resend = this.#resend;
    const { users, guests } = this.present;
    const named = this.#fits(previous.named);
    this.#sent = { users, guests, named };
    this.#before = new Map();
    this.#changes = 0;
    this.#resend = false;
    this.#snapshot = undefined;
    const taken = (sent: PresenceChanges, count: number) => ({
      changes: sent,
      netted: Math.max(0, changes - count),
    });
    const guestsChanged = previous.guests !== guests;
    if (!named) {
      const isChange = resend || previous.named || previous.users !== users || guestsChanged;
      return isChange ? taken({ users, guests, more: true }, 1) : { netted: changes };
    }
    if (!previous.named) return taken({ users, guests, members: this.#texts() }, 1);
    const { joined, left } = this.#difference(before);
    const count = joined.length + left.length + Number(guestsChanged);
    return count > 0 ? taken({ users, guests, joined, left }, count) : { netted: changes };
  }

  /** The state that was last sent, as JSON fields. A subscriber that starts with it can apply the next changes. */
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

  #difference(sent: Map<string, string | undefined>): { joined: string[]; left: string[] } {
    const joined: string[] = [];
    const left: string[] = [];
    for (const [user, before] of sent) {
      const text = this.present.textOf(user);
      if (text === before) continue;
      if (text === undefined) left.push(user);
      else joined.push(text);
    }
    return { joined, left };
  }

  /** Returns the text that was last sent for each user. */
  #texts(): string[] {
    const texts = [...this.#before.values()].filter((text) => text !== undefined);
    for (const [user, text] of this.present.texts()) if (!this.#before.has(user)) texts.push(text);
    return texts;
  }
}
