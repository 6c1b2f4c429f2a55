// Who is in a room, by user: when somebody has come, and when left. Pure: time is given.
import { memberText } from "../../protocol/presence-messages.ts";
import { type Member, newestOf, said, saidAt, type Seen, sum } from "./presence-report.ts";
import { LIST_SIZE, News, type Present } from "./presence-diff.ts";
import type { PresenceRule } from "../rule.ts";

export class Members implements Present {
  readonly news: News;
  /** Grows whenever `list` may be another. */
  changes = 0;
  readonly #members = new Map<string, Member>();
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
  #crowd: { users: number; sessions: Map<string, number> } | undefined;

  constructor(public rule: PresenceRule) {
    this.news = new News(this);
  }

  get users(): number {
    return Math.max(this.#members.size, this.#crowd?.users ?? 0);
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
    return this.#sessions + sum(this.#crowd?.sessions.values() ?? []);
  }

  get size(): number {
    return this.#size;
  }

  get limit(): number {
    return this.rule.list;
  }

  /** Not everybody who is there is known by name. */
  get partial(): boolean {
    return this.#crowd !== undefined;
  }

  /** Somebody's grace is running. */
  get leaving(): boolean {
    return this.#leaving.size > 0;
  }

  /** Nobody is here, nor was until a moment ago. */
  get deserted(): boolean {
    return this.#claims === 0 && this.#guests.here.size === 0;
  }

  textOf(user: string): string | undefined {
    return this.#members.get(user)?.text;
  }

  *texts(): Iterable<[user: string, text: string]> {
    for (const [user, { text }] of this.#members) yield [user, text];
  }

  /** What this process says of a user: that is what other nodes are told. Undefined where they have left. */
  here(user: string): Seen | undefined {
    const member = this.#members.get(user);
    if (!member) return undefined;
    const newest = newestOf(member.here.values()) ?? member.parting;
    if (!newest) return undefined;
    let { since } = newest;
    let sessions = 0;
    for (const seen of member.here.values()) {
      since = Math.min(since, seen.since);
      sessions += seen.sessions;
    }
    return { user, info: this.rule.info ? newest.info : undefined, since, sessions, at: saidAt(newest) };
  }

  /** All users of whom it says something. */
  *claims(): Iterable<string> {
    for (const [user, { here, parting }] of this.#members) if (here.size > 0 || parting) yield user;
  }

  /** A session here sees a user, or is a guest. It counts instead of what it said before. */
  set(source: string, seen: Seen): void {
    const { user } = seen;
    if (user === undefined) return this.#setGuests("here", source, seen.sessions);
    const member = this.#meet(user, seen);
    if (member.here.size === 0 && !member.parting) this.#claims++;
    this.#leaving.delete(user);
    this.#say(member, member.here, source, seen);
    member.parting = undefined;
    this.#retell(user, member);
  }

  /**
   * A session here no longer sees a user, or is no guest any more. With the last one's word the grace begins.
   * @param now ms, by a clock that never goes back; the same for `expire` and `follow`
   */
  unset(source: string, user: string | undefined, now: number): void {
    if (user === undefined) return this.#setGuests("here", source, 0);
    const member = this.#members.get(user);
    const before = member?.here.get(source);
    if (!member || !before) return;
    this.changes++;
    member.here.delete(source);
    this.#sessions -= before.sessions;
    this.#sessionsHere -= before.sessions;
    if (member.here.size === 0) {
      member.parting = { ...before, sessions: 0 };
      this.#leaving.set(user, now + this.rule.grace);
    }
    this.#unsaid(user, member, before);
  }

  /** Another node sees a user, or guests. */
  hear(node: string, seen: Seen): void {
    const { user } = seen;
    if (user === undefined) return this.#setGuests("elsewhere", node, seen.sessions);
    // Where there are too many, only those are known who are here.
    if (this.#crowd) return;
    const member = this.#meet(user, seen);
    this.#say(member, member.elsewhere, node, seen);
    this.#retell(user, member);
  }

  /** All users whom another node sees. @param whole it no longer sees those who are not among them */
  hearAll(node: string, all: Seen[], whole: boolean): void {
    const seen = new Set(all.map(({ user }) => user));
    if (whole)
      for (const [user, { elsewhere }] of this.#members)
        if (elsewhere.has(node) && !seen.has(user)) this.unhear(node, user);
    for (const one of all) this.hear(node, one);
  }

  /** Another node no longer sees a user. Their grace is over: it was that node's. */
  unhear(node: string, user: string): void {
    const member = this.#members.get(user);
    const before = member?.elsewhere.get(node);
    if (!member || !before) return;
    this.changes++;
    member.elsewhere.delete(node);
    this.#sessions -= before.sessions;
    this.#settle(user, member, before);
  }

  /** Another node is gone, with all whom it saw. */
  drop(node: string): void {
    this.#setGuests("elsewhere", node, 0);
    this.changes++;
    if (this.#crowd?.sessions.delete(node)) this.news.noteGuests();
    for (const user of this.#members.keys()) this.unhear(node, user);
  }

  /**
   * There are too many for names: those who are elsewhere are known by number alone.
   * @param users of all nodes; undefined: names are known again, and are about to be told
   */
  crowd(users: number | undefined): void {
    if (users === this.#crowd?.users) return;
    const before = this.#crowd;
    this.changes++;
    this.#crowd = users === undefined ? undefined : { users, sessions: before?.sessions ?? new Map() };
    this.news.noteGuests();
    if (before || users === undefined) return;
    for (const [user, { elsewhere }] of this.#members)
      for (const node of elsewhere.keys()) this.unhear(node, user);
  }

  /** Where there are too many: how many sessions of users another node has. */
  hearSessions(node: string, sessions: number): void {
    this.changes++;
    this.#crowd?.sessions.set(node, sessions);
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
      const member = this.#members.get(user) as Member;
      const { parting } = member;
      member.parting = undefined;
      this.#settle(user, member, parting);
    }
    return over;
  }

  /** Another rule holds from now on. All is told anew. */
  follow(rule: PresenceRule, now: number): void {
    this.changes++;
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
    for (const { text, since, here, elsewhere } of this.#members.values()) {
      size += text.length;
      if (members.length === this.limit || size > LIST_SIZE) break;
      let count = 0;
      for (const each of here.values()) count += each.sessions;
      for (const each of elsewhere.values()) count += each.sessions;
      members.push(`${text.slice(0, -1)},"since":${since},"sessions":${count}}`);
    }
    const more = members.length < users ? ',"more":true' : "";
    return `"users":${users},"guests":${guests},"sessions":${sessions},"members":[${members.join(",")}]${more}`;
  }

  #meet(user: string, seen: Seen): Member {
    this.changes++;
    const known = this.#members.get(user);
    if (known) {
      known.since = Math.min(known.since, seen.since);
      return known;
    }
    const { since } = seen;
    const member: Member = {
      since,
      here: new Map(),
      elsewhere: new Map(),
      parting: undefined,
      newest: seen,
      text: "",
    };
    this.#members.set(user, member);
    return member;
  }

  #say(member: Member, sources: Map<string, Seen>, source: string, seen: Seen): void {
    const before = sources.get(source);
    const more = seen.sessions - (before?.sessions ?? 0);
    this.#sessions += more;
    if (sources === member.here) this.#sessionsHere += more;
    // Who has nothing new to say stays in place.
    const isNews = !before || this.#text(before) !== this.#text(seen);
    if (isNews) sources.delete(source);
    sources.set(source, seen);
    const { newest, parting } = member;
    const counts = isNews ? newest === parting || saidAt(seen) >= saidAt(newest) : newest === before;
    if (counts) member.newest = seen;
    else if (newest === before) member.newest = newestOf(said(member)) ?? seen;
  }

  /** Some source says nothing any more: with the last one the user has left. */
  #settle(user: string, member: Member, before: Seen | undefined): void {
    const { here, elsewhere, parting } = member;
    if (here.size > 0 || elsewhere.size > 0 || parting) return this.#unsaid(user, member, before);
    this.news.note(user, member.text);
    this.#members.delete(user);
    this.#size -= member.text.length;
  }

  #unsaid(user: string, member: Member, before: Seen | undefined): void {
    if (member.newest !== before) return;
    member.newest = newestOf(said(member)) ?? member.parting ?? member.newest;
    this.#retell(user, member);
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
