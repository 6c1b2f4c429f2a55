// Micro-benchmarks of rooms: history, rule lookup and presence.
import { bench, do_not_optimize, group } from "mitata";
import { PresenceSet } from "../../src/rooms/presence/presence-set.ts";
import { compilePattern } from "../../src/rooms/pattern.ts";
import { resolveRule } from "../../src/rooms/rule.ts";
import { Rules } from "../../src/rooms/rules.ts";
import { RoomHistory } from "../../src/rooms/room-history.ts";
import { publication, samples } from "./samples.ts";

const prefix = compilePattern("chat:*");
const part = compilePattern("users:{id}:inbox");
const stars = compilePattern("a*b*a*b*a*b*c");

function fullHistory(): RoomHistory {
  const history = new RoomHistory(resolveRule("*").retention, 0);
  for (let seq = 1; seq <= 2_000; seq++) history.push(publication(samples.json, seq));
  return history;
}

function histories(): void {
  const full = fullHistory();
  const next = publication(samples.json, 2_001);
  // Pushes the same publication every time. The history allows equal sequence numbers, but not descending ones.
  bench("push, full: one in, one out", () => full.push(next));
  const withoutHistory = new RoomHistory(resolveRule("*", { history: false }).retention, 0);
  bench("push, no history", () => withoutHistory.push(next));
  const read = fullHistory();
  bench("read the 10 after a position", () => do_not_optimize(read.read(1_990, 100)));
  bench("read 100 from the middle", () => do_not_optimize(read.read(1_500, 100)));
  bench("read when caught up", () => do_not_optimize(read.read(2_000, 100)));
  bench("newest 20", () => do_not_optimize(read.newest(20)));
}

function rules(): void {
  const names = ["chat:*", "ticker:*", "orders:{id}", "users:{id}:inbox", "*:private", "a*b*c*"];
  const six = new Rules(Object.fromEntries(names.map((name) => [name, {}])));
  bench("pattern, a prefix", () => do_not_optimize(prefix.test("chat:general")));
  bench("pattern, a part", () => do_not_optimize(part.test("users:4711:inbox")));
  bench("pattern, many stars", () => do_not_optimize(stars.test(`${"ab".repeat(60)}c`)));
  bench("rule, the first of six", () => do_not_optimize(six.of("chat:general")));
  bench("rule, none of six", () => do_not_optimize(six.of("lobby/general")));
}

/** The cost of a join and a leave in a room of 100 or 10,000 users, including the presence diff. */
function members(): void {
  for (const users of [100, 10_000]) {
    const members = new PresenceSet({ grace: 0, list: 1000, info: true });
    const seen = (user: number) => ({ user: `user-${user}`, info: { name: "Ann" }, since: 1, sessions: 1 });
    for (let user = 0; user < users; user++) members.report(`session-${user}`, seen(user));
    members.diff.take();
    const one = seen(users);
    bench(`one joins and leaves, ${users.toLocaleString("en")} present`, () => {
      members.report("session", one);
      members.diff.take();
      members.retract("session", one.user, 0);
      members.expire(0);
      do_not_optimize(members.diff.take());
    });
    bench(`the member list, ${users.toLocaleString("en")} present`, () => do_not_optimize(members.list));
  }
}

export function rooms(): void {
  group("members", members);
  group("history", histories);
  group("rules", rules);
}
