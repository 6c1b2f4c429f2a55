// Who is in a room, by user: when somebody has come, and when left. Pure: time is given.
import { memberText } from "../protocol/presence.ts";
import { LIST_SIZE, News, type Present } from "./news.ts";
import type { PresenceRule } from "./rule.ts";

/**
 * What is known of a user, or of guests, from one source. A session of this process is a source; another node can be
 * one too, and then speaks for all sessions there.
 */
export interface Seen {
  /** Absent: guests. */
  readonly user?: string | undefined;
  readonly info?: unknown;
  /** In ms since 1970. */
  readonly since: number;
  readonly sessions: number;
}

interface Member {
  since: number;
  /** What each source says. The newest is last, and is the one that is told. */
  readonly sources: Map<string, Seen>;
  newest: Seen;
  text: string;
}

export class Members implements Present {
  readonly news: News;
  readonly #members = new Map<string, Member>();
  /** Guests by source. */
  readonly #guests = new Map<string, number>();
  #guestCount = 0;
  #sessions = 0;
  #size = 0;
  /** Users without a session, and when their grace is over; who left first is first. */
  readonly #leaving = new Map<string, number>();

  constructor(public rule: PresenceRule) {
    this.news = new News(this);
  }

  get users(): number {
    return this.#members.size;
  }

  get guests(): number {
    return this.#guestCount;
  }

  get sessions(): number {
    return this.#sessions;
  }

  get size(): number {
    return this.#size;
  }

  get limit(): number {
    return this.rule.list;
  }

  /** Somebody's grace is running. */
  get leaving(): boolean {
    return this.#leaving.size > 0;
  }

  get empty(): boolean {
    return this.#members.size === 0 && this.#guestCount === 0;
  }

  textOf(user: string): string | undefined {
    return this.#members.get(user)?.text;
  }

  *texts(): Iterable<[user: string, text: string]> {
    for (const [user, { text }] of this.#members) yield [user, text];
  }

  /** A source sees a user, or guests. It counts instead of what the source said of them before. */
  set(source: string, seen: Seen): void {
    const { user, since, sessions } = seen;
    if (user === undefined) return this.#setGuests(source, sessions);
    this.#leaving.delete(user);
    const member = this.#members.get(user) ?? { since, sources: new Map(), newest: seen, text: "" };
    this.#members.set(user, member);
    const before = member.sources.get(source);
    this.#sessions += sessions - (before?.sessions ?? 0);
    member.since = Math.min(member.since, since);
    // Who has nothing new to say stays in place.
    const isNews = !before || this.#text(before) !== this.#text(seen);
    if (isNews) member.sources.delete(source);
    member.sources.set(source, seen);
    if (isNews || member.newest === before) member.newest = seen;
    this.#retell(user, member);
  }

  /**
   * A source no longer sees a user, or its guests. With the last one's word the grace begins.
   * @param now ms, by a clock that never goes back; the same for `drop`, `expire` and `follow`
   */
  unset(source: string, user: string | undefined, now: number): void {
    if (user === undefined) return this.#setGuests(source, 0);
    const member = this.#members.get(user);
    const before = member?.sources.get(source);
    if (!member || !before) return;
    member.sources.delete(source);
    this.#sessions -= before.sessions;
    if (member.sources.size === 0) this.#leaving.set(user, now + this.rule.grace);
    else if (member.newest === before) {
      for (const seen of member.sources.values()) member.newest = seen;
      this.#retell(user, member);
    }
  }

  /** A source is gone, with all whom it saw. */
  drop(source: string, now: number): void {
    this.#setGuests(source, 0);
    for (const user of this.#members.keys()) this.unset(source, user, now);
  }

  /** Those whose grace is over have left. */
  expire(now: number): void {
    for (const [user, at] of this.#leaving) {
      if (at > now) return;
      this.#leaving.delete(user);
      const { text } = this.#members.get(user) as Member;
      this.news.note(user, text);
      this.#members.delete(user);
      this.#size -= text.length;
    }
  }

  /** Another rule holds from now on. All is told anew. */
  follow(rule: PresenceRule, now: number): void {
    this.rule = rule;
    for (const [user, at] of this.#leaving) this.#leaving.set(user, Math.min(at, now + rule.grace));
    for (const [user, member] of this.#members) this.#retell(user, member);
    this.news.restart();
  }

  /** Who is there now, the first of them: JSON fields, with `more` where not all are listed. */
  get list(): string {
    const { users, guests, sessions } = this;
    const members: string[] = [];
    let size = 0;
    for (const { text, since, sources } of this.#members.values()) {
      size += text.length;
      if (members.length === this.limit || size > LIST_SIZE) break;
      const count = sources.values().reduce((sum, each) => sum + each.sessions, 0);
      members.push(`${text.slice(0, -1)},"since":${since},"sessions":${count}}`);
    }
    const more = members.length < users ? ',"more":true' : "";
    return `"users":${users},"guests":${guests},"sessions":${sessions},"members":[${members.join(",")}]${more}`;
  }

  #setGuests(source: string, sessions: number): void {
    const change = sessions - (this.#guests.get(source) ?? 0);
    if (change === 0) return;
    if (sessions > 0) this.#guests.set(source, sessions);
    else this.#guests.delete(source);
    this.#guestCount += change;
    this.#sessions += change;
    this.news.noteGuests();
  }

  #text({ user = "", info }: Seen): string {
    return memberText(user, this.rule.info ? info : undefined);
  }

  /** Something else may be said of a user now. */
  #retell(user: string, member: Member): void {
    const text = this.#text(member.newest);
    if (text === member.text) return;
    this.news.note(user, member.text || undefined);
    this.#size += text.length - member.text.length;
    member.text = text;
  }
}
