// Who is in a room, and what is news: sources, graces, netting, and rooms too large for names.
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
const said = (news: PresenceChanges | undefined) => news && parse(presenceFields(news));
const names = (list: { user: string }[] = []) => list.map(({ user }) => user);

test("a user comes with the first session and leaves a grace after the last", () => {
  const members = new PresenceSet(RULE);
  members.report("s1", seen("u1", { name: "Ann" }));
  expect(said(members.diff.take().changes)).toEqual({
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
  expect(said(members.diff.take().changes)).toEqual({ users: 0, guests: 0, joined: [], left: ["u1"] });
  expect(members.isEmpty).toBe(true);
});

test("who comes back within the grace makes no noise, and has been there all along", () => {
  const members = new PresenceSet(RULE);
  members.report("s1", seen("u1", undefined, 1, 100));
  members.diff.take();
  members.retract("s1", "u1", 0);
  members.report("s2", seen("u1", undefined, 1, 4000));
  members.expire(60_000);
  expect(members.diff.pending).toBe(false);
  expect(parse(members.list).members).toEqual([{ user: "u1", since: 100, sessions: 1 }] as never);
});

test("the newest session says what is told of a user, and the one before it when that is gone", () => {
  const members = new PresenceSet(RULE);
  members.report("s1", seen("u1", 1));
  members.report("s2", seen("u1", 2));
  expect(said(members.diff.take().changes)?.joined).toEqual([{ user: "u1", info: 2 }]);
  members.retract("s2", "u1", 0);
  expect(said(members.diff.take().changes)?.joined).toEqual([{ user: "u1", info: 1 }]);
  members.report("s1", seen("u1", 3));
  expect(said(members.diff.take().changes)?.joined).toEqual([{ user: "u1", info: 3 }]);
  expect(members.sessions).toBe(1);
});

test("where the rule says so, no info is told", () => {
  const members = new PresenceSet({ ...RULE, info: false });
  members.report("s1", seen("u1", 1));
  members.diff.take();
  members.report("s1", seen("u1", 2));
  expect(members.diff.pending).toBe(false);
  expect(parse(members.list).members).toEqual([{ user: "u1", since: 1, sessions: 1 }] as never);
});

test("what is undone before it is told is not told, and counted", () => {
  const members = new PresenceSet({ ...RULE, grace: 0 });
  members.report("s1", seen("u1"));
  members.retract("s1", "u1", 0);
  members.expire(0);
  members.report("s2", seen(undefined));
  members.retract("s2", undefined, 0);
  expect(members.diff.take()).toEqual({ netted: 4 });
});

test("guests are counted, without a grace", () => {
  const members = new PresenceSet(RULE);
  members.report("s1", seen(undefined));
  members.report("s2", seen(undefined));
  expect(said(members.diff.take().changes)).toEqual({ users: 0, guests: 2, joined: [], left: [] });
  members.retract("s1", undefined, 0);
  members.retract("s1", undefined, 0);
  expect(said(members.diff.take().changes)).toMatchObject({ guests: 1 });
});

test("other nodes are sources: each counts, and one that is gone takes along those whom nobody else sees", () => {
  const members = new PresenceSet(RULE);
  members.report("here", seen("u1"));
  members.reportFromNode("node", seen("u1", undefined, 3));
  members.reportFromNode("node", seen("u2", undefined, 2));
  members.reportFromNode("node", seen(undefined, undefined, 7));
  expect(members.sessions).toBe(13);
  members.reportFromNode("node", seen("u2", undefined, 1));
  expect(members.sessions).toBe(12);
  expect([...members.claims()]).toEqual(["u1"]);
  members.diff.take();
  members.dropNode("node");
  expect(members.sessions).toBe(1);
  // The grace was the other node's.
  expect(said(members.diff.take().changes)).toEqual({ users: 1, guests: 0, joined: [], left: ["u2"] });
});

test("a grace here runs whoever else sees the user, and who came back elsewhere stays", () => {
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

test("of a crowd there is a number, those here are known by name, and names come back as a snapshot", () => {
  const members = new PresenceSet(RULE);
  members.report("s1", seen("u1"));
  members.reportFromNode("node", seen("u2", undefined, 2));
  members.diff.take();
  members.setTooMany(3000);
  members.setNodeSessions("node", 4000);
  members.reportFromNode("node", seen("u3"));
  expect(said(members.diff.take().changes)).toEqual({ users: 3000, guests: 0, more: true });
  expect(parse(members.list)).toMatchObject({
    users: 3000,
    sessions: 4001,
    members: [{ user: "u1" }],
    more: true,
  });
  members.setTooMany(undefined);
  members.reportFromNode("node", seen("u3"));
  expect(names(said(members.diff.take().changes)?.members)).toEqual(["u1", "u3"]);
});

test("above the limit there are counts; names come back as a snapshot, and not at the first that leaves", () => {
  const members = new PresenceSet({ ...RULE, list: 10, grace: 0 });
  const user = (i: number) => members.report(`s${i}`, seen(`u${i}`));
  const leave = (i: number) => {
    members.retract(`s${i}`, `u${i}`, 0);
    members.expire(0);
  };
  for (let i = 0; i < 10; i++) user(i);
  expect(names(said(members.diff.take().changes)?.joined)).toHaveLength(10);
  user(10);
  expect(said(members.diff.take().changes)).toEqual({ users: 11, guests: 0, more: true });
  expect(parse(members.diff.snapshot)).toEqual({ users: 11, guests: 0, more: true });
  expect(parse(members.list)).toMatchObject({ users: 11, more: true });
  expect(parse(members.list).members).toHaveLength(10);
  leave(10);
  expect(said(members.diff.take().changes)).toEqual({ users: 10, guests: 0, more: true });
  leave(9);
  const back = said(members.diff.take().changes);
  expect(back).not.toHaveProperty("more");
  expect(names(back?.members)).toEqual(Array.from({ length: 9 }, (_, i) => `u${i}`));
  leave(8);
  expect(said(members.diff.take().changes)?.left).toEqual(["u8"]);
});

test("infos that are large together are too many too", () => {
  const members = new PresenceSet({ ...RULE, list: 1000 });
  const info = "x".repeat(10_000);
  for (let i = 0; i < 30; i++) members.report(`s${i}`, seen(`u${i}`, info));
  expect(said(members.diff.take().changes)).toEqual({ users: 30, guests: 0, more: true });
  const { members: listed, more } = parse(members.list);
  expect(listed?.length).toBeLessThan(30);
  expect(listed?.length).toBeGreaterThan(20);
  expect(more).toBe(true);
});

test("a limit of 0 names nobody, ever", () => {
  const members = new PresenceSet({ ...RULE, list: 0, grace: 0 });
  expect(parse(members.diff.snapshot)).toEqual({ users: 0, guests: 0, more: true });
  members.report("s1", seen("u1"));
  expect(said(members.diff.take().changes)).toEqual({ users: 1, guests: 0, more: true });
  members.retract("s1", "u1", 0);
  members.expire(0);
  expect(said(members.diff.take().changes)).toEqual({ users: 0, guests: 0, more: true });
});

test("another rule: graces end earlier, and all is told anew", () => {
  const members = new PresenceSet(RULE);
  members.report("s1", seen("u1", "secret"));
  members.report("s2", seen("u2", "secret"));
  members.diff.take();
  members.retract("s2", "u2", 0);
  members.applyRule({ grace: 100, list: 100, info: false }, 1000);
  expect(said(members.diff.take().changes)).toEqual({
    users: 2,
    guests: 0,
    members: [{ user: "u1" }, { user: "u2" }],
  });
  members.applyRule({ grace: 100, list: 1, info: false }, 1000);
  expect(said(members.diff.take().changes)).toEqual({ users: 2, guests: 0, more: true });
  members.applyRule({ grace: 100, list: 1, info: true }, 1000);
  expect(said(members.diff.take().changes)).toEqual({ users: 2, guests: 0, more: true });
  members.applyRule({ grace: 100, list: 100, info: false }, 1000);
  members.diff.take();
  members.expire(1100);
  expect(said(members.diff.take().changes)?.left).toEqual(["u2"]);
});

randomTest("a snapshot at any time, and the news after it, come to who is there", (random) => {
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
      if (random.chance(3)) tell(members, rosters);
    }
    members.expire(1000);
    members.setTooMany(undefined);
    tell(members, rosters);
    const { users, guests } = members;
    const all = Object.fromEntries([...members.texts()].map(([user, text]) => [user, JSON.parse(text).info]));
    for (const roster of rosters) {
      expect(roster).toMatchObject({ users, guests });
      if (roster.names) expect(Object.fromEntries(roster.names)).toEqual(all);
      else expect(users).toBeGreaterThanOrEqual(Math.ceil(members.limit * 0.9));
    }
  }
});

function tell(members: PresenceSet, rosters: Roster[]): void {
  const news = said(members.diff.take().changes);
  if (news) for (const roster of rosters) roster.apply(news);
}
