// The users and guests in a room, according to reports from sessions and from other nodes. Pure: the caller passes the
// time.
import { memberText } from "../../protocol/presence-messages.ts";
import type { PresenceRule } from "../rule.ts";
import { GuestCounts, sum } from "./guest-counts.ts";
import { MAX_LIST_BYTES, PresenceDiff, type PresenceSource } from "./presence-diff.ts";
import type { PresenceReport } from "./presence-report.ts";
import { PresentUser } from "./present-user.ts";

export class PresenceSet implements PresenceSource {
  readonly diff: PresenceDiff;
  /** Increases whenever `list` may have changed. */
  changes = 0;
  readonly #members = new Map<string, PresentUser>();
  readonly #guests = new GuestCounts();
  #sessions = 0;
  #sessionsHere = 0;
  #size = 0;
  /** Users in their grace period, in the order in which they left, with the time at which the period ends. */
  readonly #leaving = new Map<string, number>();
  /** The number of users that this process reports. */
  #localUsers = 0;
  /** Set when the cluster has too many users to list. In that case, users on other nodes are only counted. */
  #tooMany: { users: number; sessions: Map<string, number> } | undefined;

  constructor(public rule: PresenceRule) {
    this.diff = new PresenceDiff(this);
  }

  get users(): number {
    return Math.max(this.#members.size, this.#tooMany?.users ?? 0);
  }

  /** The number of users in this process, including users in their grace period. */
  get usersHere(): number {
    return this.#localUsers;
  }

  /** The number of user sessions in this process. */
  get sessionsHere(): number {
    return this.#sessionsHere;
  }

  get guests(): number {
    return this.#guests.total;
  }

  get guestsHere(): number {
    return this.#guests.here;
  }

  /** The number of sessions on all nodes, including guests. */
  get sessions(): number {
    return this.#sessions + sum(this.#tooMany?.sessions.values() ?? []);
  }

  get size(): number {
    return this.#size;
  }

  get limit(): number {
    return this.rule.list;
  }

  get partial(): boolean {
    return this.#tooMany !== undefined;
  }

  /** Whether any user is in the grace period. */
  get leaving(): boolean {
    return this.#leaving.size > 0;
  }

  /** Whether this process has no guests and no users, including users in their grace period. */
  get isEmpty(): boolean {
    return this.#localUsers === 0 && !this.#guests.hasLocal;
  }

  textOf(user: string): string | undefined {
    return this.#members.get(user)?.text;
  }

  *texts(): Iterable<[user: string, text: string]> {
    for (const [user, { text }] of this.#members) yield [user, text];
  }

  /** Returns this process's report about a user, as sent to other nodes; undefined if the user is not on this node. */
  localReport(user: string): PresenceReport | undefined {
    const report = this.#members.get(user)?.localReport;
    return report && !this.rule.info ? { ...report, info: undefined } : report;
  }

  /** Yields the users that this process reports. */
  *localUsers(): Iterable<string> {
    for (const [user, { isOnThisNode }] of this.#members) if (isOnThisNode) yield user;
  }

  /** Replaces the report from a session in this process. Ends the user's grace period. */
  report(source: string, report: PresenceReport): void {
    const { user } = report;
    if (user === undefined) return this.#setGuests("here", source, report.sessions);
    const member = this.#findOrAdd(user, report);
    if (!member.isOnThisNode) this.#localUsers++;
    this.#leaving.delete(user);
    this.#record(member, member.here, source, report);
    member.leaving = undefined;
    this.#updateText(user, member);
  }

  /**
   * Removes the report from a session in this process. When a user's last report is removed, the grace period starts.
   * @param now a time in ms on a monotonic clock; must be the same clock as for `expire` and `applyRule`
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

  /** Replaces another node's report about a user or about its guests. */
  reportFromNode(node: string, report: PresenceReport): void {
    const { user } = report;
    if (user === undefined) return this.#setGuests("elsewhere", node, report.sessions);
    if (this.#tooMany) return;
    const member = this.#findOrAdd(user, report);
    this.#record(member, member.elsewhere, node, report);
    this.#updateText(user, member);
  }

  /**
   * Adds reports from another node.
   * @param whole true if `all` contains every user on the node, in which case reports about any other users are
   * retracted
   */
  reportAllFromNode(node: string, all: PresenceReport[], whole: boolean): void {
    const users = new Set(all.map(({ user }) => user));
    if (whole)
      for (const [user, { elsewhere }] of this.#members)
        if (elsewhere.has(node) && !users.has(user)) this.retractFromNode(node, user);
    for (const report of all) this.reportFromNode(node, report);
  }

  /**
   * Removes another node's report about a user. There is no further grace period, because the other node has already
   * waited for it.
   */
  retractFromNode(node: string, user: string): void {
    const member = this.#members.get(user);
    const before = member?.elsewhere.get(node);
    if (!member || !before) return;
    this.changes++;
    member.elsewhere.delete(node);
    this.#sessions -= before.sessions;
    this.#removeIfGone(user, member, before);
  }

  /** Removes all reports from another node. */
  dropNode(node: string): void {
    this.#setGuests("elsewhere", node, 0);
    this.changes++;
    if (this.#tooMany?.sessions.delete(node)) this.diff.noteGuests();
    for (const user of this.#members.keys()) this.retractFromNode(node, user);
  }

  /**
   * Switches between listing and only counting the users of other nodes.
   * @param users the number of users on all nodes; undefined if users are listed again, in which case their reports
   * follow
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

  /** Sets the number of user sessions on another node. Applies only while users on other nodes are not listed. */
  setNodeSessions(node: string, sessions: number): void {
    this.changes++;
    this.#tooMany?.sessions.set(node, sessions);
  }

  /** Ends up to `most` expired grace periods. Returns the users that this process no longer reports. */
  expire(now: number, most = Number.POSITIVE_INFINITY): string[] {
    const expired: string[] = [];
    for (const [user, end] of this.#leaving) {
      if (end > now || expired.length === most) break;
      expired.push(user);
      this.#leaving.delete(user);
      this.changes++;
      this.#localUsers--;
      const member = this.#members.get(user) as PresentUser;
      const { leaving } = member;
      member.leaving = undefined;
      this.#removeIfGone(user, member, leaving);
    }
    return expired;
  }

  /** Replaces the rule. Subscribers then receive a new snapshot. */
  applyRule(rule: PresenceRule, now: number): void {
    this.changes++;
    this.rule = rule;
    for (const [user, end] of this.#leaving) this.#leaving.set(user, Math.min(end, now + rule.grace));
    for (const [user, member] of this.#members) this.#updateText(user, member);
    this.diff.restart();
  }

  /** The current members as JSON fields, up to the limits. Includes `"more":true` if some members are not listed. */
  get list(): string {
    const { users, guests, sessions } = this;
    const members: string[] = [];
    let size = 0;
    for (const member of this.#members.values()) {
      const { text, since } = member;
      size += text.length;
      if (members.length === this.limit || size > MAX_LIST_BYTES) break;
      members.push(`${text.slice(0, -1)},"since":${since},"sessions":${member.sessions}}`);
    }
    const more = members.length < users ? ',"more":true' : "";
    return `"users":${users},"guests":${guests},"sessions":${sessions},"members":[${members.join(",")}]${more}`;
  }

  #findOrAdd(user: string, report: PresenceReport): PresentUser {
    this.changes++;
    const known = this.#members.get(user);
    if (known) {
      known.since = Math.min(known.since, report.since);
      return known;
    }
    const member = new PresentUser(report);
    this.#members.set(user, member);
    return member;
  }

  #record(
    member: PresentUser,
    sources: Map<string, PresenceReport>,
    source: string,
    report: PresenceReport,
  ): void {
    const before = sources.get(source);
    const added = report.sessions - (before?.sessions ?? 0);
    this.#sessions += added;
    if (sources === member.here) this.#sessionsHere += added;
    const isChange = !before || this.#text(before) !== this.#text(report);
    member.record(sources, source, report, isChange);
  }

  /** Removes a user if the last report has been retracted. */
  #removeIfGone(user: string, member: PresentUser, retracted: PresenceReport | undefined): void {
    if (member.isPresent) return this.#afterRetract(user, member, retracted);
    this.diff.note(user, member.text);
    this.#members.delete(user);
    this.#size -= member.text.length;
  }

  #afterRetract(user: string, member: PresentUser, retracted: PresenceReport | undefined): void {
    if (member.reselect(retracted)) this.#updateText(user, member);
  }

  #setGuests(where: "here" | "elsewhere", source: string, sessions: number): void {
    const change = this.#guests.set(where, source, sessions);
    if (change === 0) return;
    this.changes++;
    this.#sessions += change;
    this.diff.noteGuests();
  }

  #text({ user = "", info }: PresenceReport): string {
    return memberText(user, this.rule.info ? info : undefined);
  }

  #updateText(user: string, member: PresentUser): void {
    const text = this.#text(member.newest);
    if (text === member.text) return;
    this.diff.note(user, member.text || undefined);
    this.#size += text.length - member.text.length;
    member.text = text;
  }
}
