// Who is in a room, by user: when somebody has come, and when left. Pure: time is given.
import { memberText } from "../../protocol/presence-messages.ts";
import { type PresentUser, newestOf, said, reportedAt, type PresenceReport, sum } from "./presence-report.ts";
import { MAX_LIST_BYTES, PresenceDiff, type PresenceSource } from "./presence-diff.ts";
import type { PresenceRule } from "../rule.ts";

export class PresenceSet implements PresenceSource {
  readonly diff: PresenceDiff;
  /** Grows whenever `list` may be another. */
  changes = 0;
  readonly #members = new Map<string, PresentUser>();
  /** Guests by source. */
  readonly #guests = { here: new Map<string, number>(), elsewhere: new Map<string, number>() };
  #guestCount = 0;
  #sessions = 0;
  #sessionsHere = 0;
  #size = 0;
  /** Users whom this process has seen last, and when their grace is over; who left first is first. */
  readonly #leaving = new Map<string, number>();
  /** Users whom this process says are there. */
  #claims = 0;
  /** There are too many for this process to know those elsewhere by name. */
  #tooMany: { users: number; sessions: Map<string, number> } | undefined;

  constructor(public rule: PresenceRule) {
    this.diff = new PresenceDiff(this);
  }

  get users(): number {
    return Math.max(this.#members.size, this.#tooMany?.users ?? 0);
  }

  /** Those of them who are here, or were until a moment ago. */
  get usersHere(): number {
    return this.#claims;
  }

  /** Sessions of users here. */
  get sessionsHere(): number {
    return this.#sessionsHere;
  }

  get guests(): number {
    return this.#guestCount;
  }

  get guestsHere(): number {
    return sum(this.#guests.here.values());
  }

  get sessions(): number {
    return this.#sessions + sum(this.#tooMany?.sessions.values() ?? []);
  }

  get size(): number {
    return this.#size;
  }

  get limit(): number {
    return this.rule.list;
  }

  /** Not everybody who is there is known by name. */
  get partial(): boolean {
    return this.#tooMany !== undefined;
  }

  /** Somebody's grace is running. */
  get leaving(): boolean {
    return this.#leaving.size > 0;
  }

  /** Nobody is here, nor was until a moment ago. */
  get isEmpty(): boolean {
    return this.#claims === 0 && this.#guests.here.size === 0;
  }

  textOf(user: string): string | undefined {
    return this.#members.get(user)?.text;
  }

  *texts(): Iterable<[user: string, text: string]> {
    for (const [user, { text }] of this.#members) yield [user, text];
  }

  /** What this process says of a user: that is what other nodes are told. Undefined where they have left. */
  localReport(user: string): PresenceReport | undefined {
    const member = this.#members.get(user);
    if (!member) return undefined;
    const newest = newestOf(member.here.values()) ?? member.leaving;
    if (!newest) return undefined;
    let { since } = newest;
    let sessions = 0;
    for (const seen of member.here.values()) {
      since = Math.min(since, seen.since);
      sessions += seen.sessions;
    }
    return { user, info: this.rule.info ? newest.info : undefined, since, sessions, at: reportedAt(newest) };
  }

  /** All users of whom it says something. */
  *claims(): Iterable<string> {
    for (const [user, { here, leaving }] of this.#members) if (here.size > 0 || leaving) yield user;
  }

  /** A session here sees a user, or is a guest. It counts instead of what it said before. */
  report(source: string, seen: PresenceReport): void {
    const { user } = seen;
    if (user === undefined) return this.#setGuests("here", source, seen.sessions);
    const member = this.#findOrAdd(user, seen);
    if (member.here.size === 0 && !member.leaving) this.#claims++;
    this.#leaving.delete(user);
    this.#record(member, member.here, source, seen);
    member.leaving = undefined;
    this.#updateText(user, member);
  }

  /**
   * A session here no longer sees a user, or is no guest any more. With the last one's word the grace begins.
   * @param now ms, by a clock that never goes back; the same for `expire` and `applyRule`
   */
  retract(source: string, user: string | undefined, now: number): void {
    if (user === undefined) return this.#setGuests("here", source, 0);
    const member = this.#members.get(user);
    const before = member?.here.get(source);
    if (!member || !before) return;
    this.changes++;
    member.here.delete(source);
    this.#sessions -= before.sessions;
    this.#sessionsHere -= before.sessions;
    if (member.here.size === 0) {
      member.leaving = { ...before, sessions: 0 };
      this.#leaving.set(user, now + this.rule.grace);
    }
    this.#afterRetract(user, member, before);
  }

  /** Another node sees a user, or guests. */
  reportFromNode(node: string, seen: PresenceReport): void {
    const { user } = seen;
    if (user === undefined) return this.#setGuests("elsewhere", node, seen.sessions);
    // Where there are too many, only those are known who are here.
    if (this.#tooMany) return;
    const member = this.#findOrAdd(user, seen);
    this.#record(member, member.elsewhere, node, seen);
    this.#updateText(user, member);
  }

  /** All users whom another node sees. @param whole it no longer sees those who are not among them */
  reportAllFromNode(node: string, all: PresenceReport[], whole: boolean): void {
    const seen = new Set(all.map(({ user }) => user));
    if (whole)
      for (const [user, { elsewhere }] of this.#members)
        if (elsewhere.has(node) && !seen.has(user)) this.retractFromNode(node, user);
    for (const one of all) this.reportFromNode(node, one);
  }

  /** Another node no longer sees a user. Their grace is over: it was that node's. */
  retractFromNode(node: string, user: string): void {
    const member = this.#members.get(user);
    const before = member?.elsewhere.get(node);
    if (!member || !before) return;
    this.changes++;
    member.elsewhere.delete(node);
    this.#sessions -= before.sessions;
    this.#settle(user, member, before);
  }

  /** Another node is gone, with all whom it saw. */
  dropNode(node: string): void {
    this.#setGuests("elsewhere", node, 0);
    this.changes++;
    if (this.#tooMany?.sessions.delete(node)) this.diff.noteGuests();
    for (const user of this.#members.keys()) this.retractFromNode(node, user);
  }

  /**
   * There are too many for names: those who are elsewhere are known by number alone.
   * @param users of all nodes; undefined: names are known again, and are about to be told
   */
  setTooMany(users: number | undefined): void {
    if (users === this.#tooMany?.users) return;
    const before = this.#tooMany;
    this.changes++;
    this.#tooMany = users === undefined ? undefined : { users, sessions: before?.sessions ?? new Map() };
    this.diff.noteGuests();
    if (before || users === undefined) return;
    for (const [user, { elsewhere }] of this.#members)
      for (const node of elsewhere.keys()) this.retractFromNode(node, user);
  }

  /** Where there are too many: how many sessions of users another node has. */
  setNodeSessions(node: string, sessions: number): void {
    this.changes++;
    this.#tooMany?.sessions.set(node, sessions);
  }

  /** Those whose grace is over have left, `most` of them. Returns whom this process no longer sees. */
  expire(now: number, most = Number.POSITIVE_INFINITY): string[] {
    const over: string[] = [];
    for (const [user, at] of this.#leaving) {
      if (at > now || over.length === most) break;
      over.push(user);
      this.#leaving.delete(user);
      this.changes++;
      this.#claims--;
      const member = this.#members.get(user) as PresentUser;
      const { leaving } = member;
      member.leaving = undefined;
      this.#settle(user, member, leaving);
    }
    return over;
  }

  /** Another rule holds from now on. All is told anew. */
  applyRule(rule: PresenceRule, now: number): void {
    this.changes++;
    this.rule = rule;
    for (const [user, at] of this.#leaving) this.#leaving.set(user, Math.min(at, now + rule.grace));
    for (const [user, member] of this.#members) this.#updateText(user, member);
    this.diff.restart();
  }

  /** Who is there now, the first of them: JSON fields, with `more` where not all are listed. */
  get list(): string {
    const { users, guests, sessions } = this;
    const members: string[] = [];
    let size = 0;
    for (const { text, since, here, elsewhere } of this.#members.values()) {
      size += text.length;
      if (members.length === this.limit || size > MAX_LIST_BYTES) break;
      let count = 0;
      for (const each of here.values()) count += each.sessions;
      for (const each of elsewhere.values()) count += each.sessions;
      members.push(`${text.slice(0, -1)},"since":${since},"sessions":${count}}`);
    }
    const more = members.length < users ? ',"more":true' : "";
    return `"users":${users},"guests":${guests},"sessions":${sessions},"members":[${members.join(",")}]${more}`;
  }

  #findOrAdd(user: string, seen: PresenceReport): PresentUser {
    this.changes++;
    const known = this.#members.get(user);
    if (known) {
      known.since = Math.min(known.since, seen.since);
      return known;
    }
    const { since } = seen;
    const member: PresentUser = {
      since,
      here: new Map(),
      elsewhere: new Map(),
      leaving: undefined,
      newest: seen,
      text: "",
    };
    this.#members.set(user, member);
    return member;
  }

  #record(
    member: PresentUser,
    sources: Map<string, PresenceReport>,
    source: string,
    seen: PresenceReport,
  ): void {
    const before = sources.get(source);
    const more = seen.sessions - (before?.sessions ?? 0);
    this.#sessions += more;
    if (sources === member.here) this.#sessionsHere += more;
    // Who has nothing new to say stays in place.
    const isNews = !before || this.#text(before) !== this.#text(seen);
    if (isNews) sources.delete(source);
    sources.set(source, seen);
    const { newest, leaving } = member;
    const counts = isNews ? newest === leaving || reportedAt(seen) >= reportedAt(newest) : newest === before;
    if (counts) member.newest = seen;
    else if (newest === before) member.newest = newestOf(said(member)) ?? seen;
  }

  /** Some source says nothing any more: with the last one the user has left. */
  #settle(user: string, member: PresentUser, before: PresenceReport | undefined): void {
    const { here, elsewhere, leaving } = member;
    if (here.size > 0 || elsewhere.size > 0 || leaving) return this.#afterRetract(user, member, before);
    this.diff.note(user, member.text);
    this.#members.delete(user);
    this.#size -= member.text.length;
  }

  #afterRetract(user: string, member: PresentUser, before: PresenceReport | undefined): void {
    if (member.newest !== before) return;
    member.newest = newestOf(said(member)) ?? member.leaving ?? member.newest;
    this.#updateText(user, member);
  }

  #setGuests(where: "here" | "elsewhere", source: string, sessions: number): void {
    const guests = this.#guests[where];
    const change = sessions - (guests.get(source) ?? 0);
    if (change === 0) return;
    this.changes++;
    if (sessions > 0) guests.set(source, sessions);
    else guests.delete(source);
    this.#guestCount += change;
    this.#sessions += change;
    this.diff.noteGuests();
  }

  #text({ user = "", info }: PresenceReport): string {
    return memberText(user, this.rule.info ? info : undefined);
  }

  /** Something else may be said of a user now. */
  #updateText(user: string, member: PresentUser): void {
    const text = this.#text(member.newest);
    if (text === member.text) return;
    this.diff.note(user, member.text || undefined);
    this.#size += text.length - member.text.length;
    member.text = text;
  }
}
