// A room's users and the changes to send: sources, grace periods, undone changes, and rooms with too many users to
// list.
import { expect, test } from "bun:test";
import { PresenceSet } from "../../../src/rooms/presence/presence-set.ts";
import type { PresenceChanges } from "../../../src/protocol/presence-messages.ts";
import { presenceFields } from "../../../src/protocol/presence-messages.ts";
import type { PresenceRule } from "../../../src/rooms/rule.ts";
import { Roster, type Told } from "../../support/presence.ts";
import { randomTest } from "../../support/random.ts";

const RULE: PresenceRule = { grace: 5000, list: 100, info: true };
const seen = (user: string | undefined, info?: unknown, sessions = 1, since = 1) => ({
  user,
  info,
  since,
  sessions,
});
const parse = (fields: string) => JSON.parse(`{${fields}}`) as Told;
const sent = (changes: PresenceChanges | undefined) => changes && parse(presenceFields(changes));
const names = (list: { user: string }[] = []) => list.map(({ user }) => user);

test("a user joins with the first session and leaves a grace period after the last", () => {
  const members = new PresenceSet(RULE);
  members.report("s1", seen("u1", { name: "Ann" }));
  expect(sent(members.diff.take().changes)).toEqual({
    users: 1,
    guests: 0,
    joined: [{ user: "u1", info: { name: "Ann" } }],
    left: [],
  });
  members.report("s2", seen("u1", { name: "Ann" }));
  members.retract("s1", "u1", 0);
  expect(members.diff.pending).toBe(false);
  members.retract("s2", "u1", 1000);
  members.expire(5999);
  expect(members.diff.pending).toBe(false);
  expect(parse(members.list)).toMatchObject({
    users: 1,
    sessions: 0,
    members: [{ user: "u1", sessions: 0 }],
  });
  members.expire(6000);
  expect(sent(members.diff.take().changes)).toEqual({ users: 0, guests: 0, joined: [], left: ["u1"] });
  expect(members.isEmpty).toBe(true);
});

test("a user who returns within the grace period causes no change and keeps the original join time", () => {
  const members = new PresenceSet(RULE);
  members.report("s1", seen("u1", undefined, 1, 100));
  members.diff.take();
  members.retract("s1", "u1", 0);
  members.report("s2", seen("u1", undefined, 1, 4000));
  members.expire(60_000);
  expect(members.diff.pending).toBe(false);
  expect(parse(members.list).members).toEqual([{ user: "u1", since: 100, sessions: 1 }] as never);
});

test("the newest session provides the info; when it ends, the previous session does", () => {
  const members = new PresenceSet(RULE);
  members.report("s1", seen("u1", 1));
  members.report("s2", seen("u1", 2));
  expect(sent(members.diff.take().changes)?.joined).toEqual([{ user: "u1", info: 2 }]);
  members.retract("s2", "u1", 0);
  expect(sent(members.diff.take().changes)?.joined).toEqual([{ user: "u1", info: 1 }]);
  members.report("s1", seen("u1", 3));
  expect(sent(members.diff.take().changes)?.joined).toEqual([{ user: "u1", info: 3 }]);
  expect(members.sessions).toBe(1);
});

test("without `info` in the rule, no info is sent", () => {
  const members = new PresenceSet({ ...RULE, info: false });
  members.report("s1", seen("u1", 1));
  members.diff.take();
  members.report("s1", seen("u1", 2));
  expect(members.diff.pending).toBe(false);
  expect(parse(members.list).members).toEqual([{ user: "u1", since: 1, sessions: 1 }] as never);
});

test("a change that is undone before it is sent is counted but not sent", () => {
  const members = new PresenceSet({ ...RULE, grace: 0 });
  members.report("s1", seen("u1"));
  members.retract("s1", "u1", 0);
  members.expire(0);
  members.report("s2", seen(undefined));
  members.retract("s2", undefined, 0);
  expect(members.diff.take()).toEqual({ netted: 4 });
});

test("guests are counted without a grace period", () => {
  const members = new PresenceSet(RULE);
  members.report("s1", seen(undefined));
  members.report("s2", seen(undefined));
  expect(sent(members.diff.take().changes)).toEqual({ users: 0, guests: 2, joined: [], left: [] });
  members.retract("s1", undefined, 0);
  members.retract("s1", undefined, 0);
  expect(sent(members.diff.take().changes)).toMatchObject({ guests: 1 });
});

test("each other node is a source: when a node leaves, the users that only it reported leave too", () => {
  const members = new PresenceSet(RULE);
  members.report("here", seen("u1"));
  members.reportFromNode("node", seen("u1", undefined, 3));
  members.reportFromNode("node", seen("u2", undefined, 2));
  members.reportFromNode("node", seen(undefined, undefined, 7));
  expect(members.sessions).toBe(13);
  members.reportFromNode("node", seen("u2", undefined, 1));
  expect(members.sessions).toBe(12);
  expect([...members.localUsers()]).toEqual(["u1"]);
  members.diff.take();
  members.dropNode("node");
  expect(members.sessions).toBe(1);
  // The other node has already waited for its grace period.
  expect(sent(members.diff.take().changes)).toEqual({ users: 1, guests: 0, joined: [], left: ["u2"] });
});

test("a local grace period runs even if another node reports the user, and a user who returns on another node stays", () => {
  const members = new PresenceSet(RULE);
  members.report("s1", seen("u1", "old", 1, 5));
  members.reportFromNode("node", { ...seen("u1", "new", 1, 9), at: 9 });
  expect(members.textOf("u1")).toContain("new");
  members.retract("s1", "u1", 0);
  expect(members.localReport("u1")).toMatchObject({ sessions: 0, since: 5, info: "old" });
  expect(members.expire(5000)).toEqual(["u1"]);
  expect(members.localReport("u1")).toBeUndefined();
  expect([members.users, members.isEmpty]).toEqual([1, true]);
  members.retractFromNode("node", "u1");
  expect(members.users).toBe(0);
});

test("with too many users, a count is sent, only local users are listed, and full lists resume with a snapshot", () => {
  const members = new PresenceSet(RULE);
  members.report("s1", seen("u1"));
  members.reportFromNode("node", seen("u2", undefined, 2));
  members.diff.take();
  members.setTooMany(3000);
  members.setNodeSessions("node", 4000);
  members.reportFromNode("node", seen("u3"));
  expect(sent(members.diff.take().changes)).toEqual({ users: 3000, guests: 0, more: true });
  expect(parse(members.list)).toMatchObject({
    users: 3000,
    sessions: 4001,
    members: [{ user: "u1" }],
    more: true,
  });
  members.setTooMany(undefined);
  members.reportFromNode("node", seen("u3"));
  expect(names(sent(members.diff.take().changes)?.members)).toEqual(["u1", "u3"]);
});

test("above the limit only counts are sent; below 90 % of the limit, listing resumes with a snapshot", () => {
  const members = new PresenceSet({ ...RULE, list: 10, grace: 0 });
  const user = (i: number) => members.report(`s${i}`, seen(`u${i}`));
  const leave = (i: number) => {
    members.retract(`s${i}`, `u${i}`, 0);
    members.expire(0);
  };
  for (let i = 0; i < 10; i++) user(i);
  expect(names(sent(members.diff.take().changes)?.joined)).toHaveLength(10);
  user(10);
  expect(sent(members.diff.take().changes)).toEqual({ users: 11, guests: 0, more: true });
  expect(parse(members.diff.snapshot)).toEqual({ users: 11, guests: 0, more: true });
  expect(parse(members.list)).toMatchObject({ users: 11, more: true });
  expect(parse(members.list).members).toHaveLength(10);
  leave(10);
  expect(sent(members.diff.take().changes)).toEqual({ users: 10, guests: 0, more: true });
  leave(9);
  const back = sent(members.diff.take().changes);
  expect(back).not.toHaveProperty("more");
  expect(names(back?.members)).toEqual(Array.from({ length: 9 }, (_, i) => `u${i}`));
  leave(8);
  expect(sent(members.diff.take().changes)?.left).toEqual(["u8"]);
});

test("users with large infos also count as too many", () => {
  const members = new PresenceSet({ ...RULE, list: 1000 });
  const info = "x".repeat(10_000);
  for (let i = 0; i < 30; i++) members.report(`s${i}`, seen(`u${i}`, info));
  expect(sent(members.diff.take().changes)).toEqual({ users: 30, guests: 0, more: true });
  const { members: listed, more } = parse(members.list);
  expect(listed?.length).toBeLessThan(30);
  expect(listed?.length).toBeGreaterThan(20);
  expect(more).toBe(true);
});

test("with a limit of 0, users are never listed", () => {
  const members = new PresenceSet({ ...RULE, list: 0, grace: 0 });
  expect(parse(members.diff.snapshot)).toEqual({ users: 0, guests: 0, more: true });
  members.report("s1", seen("u1"));
  expect(sent(members.diff.take().changes)).toEqual({ users: 1, guests: 0, more: true });
  members.retract("s1", "u1", 0);
  members.expire(0);
  expect(sent(members.diff.take().changes)).toEqual({ users: 0, guests: 0, more: true });
});

test("a new rule shortens grace periods and sends a new snapshot", () => {
  const members = new PresenceSet(RULE);
  members.report("s1", seen("u1", "secret"));
  members.report("s2", seen("u2", "secret"));
  members.diff.take();
  members.retract("s2", "u2", 0);
  members.applyRule({ grace: 100, list: 100, info: false }, 1000);
  expect(sent(members.diff.take().changes)).toEqual({
    users: 2,
    guests: 0,
    members: [{ user: "u1" }, { user: "u2" }],
  });
  members.applyRule({ grace: 100, list: 1, info: false }, 1000);
  expect(sent(members.diff.take().changes)).toEqual({ users: 2, guests: 0, more: true });
  members.applyRule({ grace: 100, list: 1, info: true }, 1000);
  expect(sent(members.diff.take().changes)).toEqual({ users: 2, guests: 0, more: true });
  members.applyRule({ grace: 100, list: 100, info: false }, 1000);
  members.diff.take();
  members.expire(1100);
  expect(sent(members.diff.take().changes)?.left).toEqual(["u2"]);
});

randomTest("a snapshot from any time plus the later changes gives the current presence", (random) => {
  for (let round = 0; round < 200; round++) {
    const members = new PresenceSet({
      grace: random.pick([0, 3]),
      list: random.pick([0, 3, 100]),
      info: true,
    });
    const rosters: Roster[] = [];
    for (let now = 0; now < 60; now++) {
      const user = random.chance(5) ? undefined : `u${random.below(6)}`;
      const source = `s${random.below(4)}`;
      const act = random.below(12);
      const one = seen(user, random.below(2), 1 + random.below(2));
      if (act < 3) members.report(source, one);
      else if (act < 5) members.reportFromNode(source, { ...one, at: random.below(9) });
      else if (act < 8) members.retract(source, user, now);
      else if (act === 8 && user === undefined) members.setTooMany(random.pick([undefined, 50]));
      else if (act === 8) members.retractFromNode(source, user ?? "");
      else if (act === 9) members.dropNode(source);
      else if (act === 10) {
        const roster = new Roster();
        roster.apply(parse(members.diff.snapshot));
        rosters.push(roster);
      }
      members.expire(now);
      if (random.chance(3)) send(members, rosters);
    }
    members.expire(1000);
    members.setTooMany(undefined);
    send(members, rosters);
    const { users, guests } = members;
    const all = Object.fromEntries([...members.texts()].map(([user, text]) => [user, JSON.parse(text).info]));
    for (const roster of rosters) {
      expect(roster).toMatchObject({ users, guests });
      if (roster.names) expect(Object.fromEntries(roster.names)).toEqual(all);
      else expect(users).toBeGreaterThanOrEqual(Math.ceil(members.limit * 0.9));
    }
  }
});

function send(members: PresenceSet, rosters: Roster[]): void {
  const changes = sent(members.diff.take().changes);
  if (changes) for (const roster of rosters) roster.apply(changes);
}
