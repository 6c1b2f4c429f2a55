// The attacks of the benchmark: each does to a server what it says, and the harm is reckoned right.
import { expect, test } from "bun:test";
import { ATTACKS, type AttackName } from "../../bench/attacker/attack.ts";
import { attacks } from "../../bench/attacker/attacks.ts";
import { outcomes } from "../../bench/report/targets.ts";
import { harm, worstHarm } from "../../bench/report/tables/hostile.ts";
import type { HostileResult } from "../../bench/results.ts";
import { eventually } from "../support/answers.ts";
import { cleanup } from "../support/cleanup.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { SECRET } from "../support/tokens.ts";
import { reportOf, rowOf, scenarioOf, windowOf } from "./support.ts";

type Seen = (server: TestServer) => boolean;
const rejected =
  (code: "malformed" | "timeout" | "too-large" | "unauthorized"): Seen =>
  ({ engine }) =>
    (engine.hub.stats.rejects.get(code) ?? 0) > 10;
const opened: Seen = ({ engine }) => (engine.hub.stats.opened.get("websocket") ?? 0) > 10;

const SEEN: Record<AttackName, Seen> = {
  connects: opened,
  publishes: ({ engine }) => engine.hub.stats.publications > 10,
  frames: rejected("malformed"),
  slow: rejected("timeout"),
  bodies: rejected("too-large"),
  tokens: rejected("unauthorized"),
};

test.each(Object.keys(ATTACKS) as AttackName[])("%s: the server sees it", async (name) => {
  const server = startServer({
    access: { secrets: SECRET },
    proxies: ["loopback"],
    limits: { bodyTime: "50ms" },
    rooms: { "*": { join: "anyone", publish: "anyone" } },
  });
  const attack = attacks[name](server.port);
  cleanup(() => attack.end());
  const timer = setInterval(() => attack.act(20), 5);
  cleanup(() => clearInterval(timer));
  await eventually(() => SEEN[name](server));
});

/** With these p99s during the attacks, in ms. */
function hostileOf(before: number, after: number, during: number[]): HostileResult {
  const names = Object.keys(ATTACKS) as AttackName[];
  const assaults = names.map((name, i) => ({
    name,
    perSecond: 100,
    cpu: 0.1,
    window: windowOf({ p99: during[i] ?? before }),
  }));
  return {
    kind: "hostile",
    before: windowOf({ p99: before }),
    assaults,
    after: windowOf({ p99: after }),
    rss: { before: 1, after: 1 },
  };
}

test("harm is the p99 during an attack by the better one in peace, and the target looks at the worst", () => {
  const result = hostileOf(10, 12, [11, 10, 9, 25]);
  expect(harm(result, "connects")).toBeCloseTo(1.1);
  expect(worstHarm(result)).toBeCloseTo(2.5);
  const stateOf = (...results: HostileResult[]) => {
    const report = reportOf(
      [scenarioOf("hostile", "hostile")],
      [rowOf("hostile", "thump-public", ...results)],
    );
    return outcomes(report).find(({ title }) => title.startsWith("Attacks"))?.state;
  };
  expect(stateOf(result)).toBe("missed");
  expect(stateOf(hostileOf(10, 10, [11, 12]))).toBe("met");
});
