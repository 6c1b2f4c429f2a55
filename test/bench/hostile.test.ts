// The benchmark's attacks: each has its intended effect on a server, and the harm is computed correctly.
import { describe, expect, test } from "bun:test";
import { ATTACKS, type AttackName } from "../../bench/attacker/attack.ts";
import { attacks } from "../../bench/attacker/attacks.ts";
import { newClientStatus } from "../../bench/attacker/new-client.ts";
import { Tally } from "../../bench/attacker/tally.ts";
import { attackTable } from "../../bench/report/tables/attacks.ts";
import { cost, harm, worstHarm } from "../../bench/report/tables/hostile.ts";
import { outcomes } from "../../bench/report/targets.ts";
import type { HostileResult } from "../../bench/results.ts";
import type { Code } from "../../src/protocol/codes.ts";
import { eventually } from "../support/answers.ts";
import { cleanup } from "../support/cleanup.ts";
import { longTests } from "../support/long.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { SECRET } from "../support/tokens.ts";
import { reportOf, rowOf, scenarioOf, windowOf } from "./support.ts";

const NAMES = Object.keys(ATTACKS) as AttackName[];
const longTest = longTests(NAMES.length);

/** The effect of an attack on a server, visible in its counters or sessions. */
type Effect = (server: TestServer) => boolean;
const rejected =
  (...codes: Code[]): Effect =>
  ({ thump }) =>
    codes.some((code) => (thump.hub.stats.rejects.get(code) ?? 0) > 2);
const opened =
  (transport: string, count = 2): Effect =>
  ({ thump }) =>
    (thump.hub.stats.opened.get(transport) ?? 0) > count;
/** Checks that at least one session has sent this many frames. */
const received =
  (frames: number): Effect =>
  ({ thump }) =>
    [...thump.hub.sessions.values()].some(({ received }) => received > frames);
const published: Effect = ({ thump }) => thump.hub.stats.publications > 10;

const EFFECTS: Record<AttackName, Effect> = {
  connects: opened("websocket", 10),
  publishes: published,
  frames: rejected("malformed"),
  slow: rejected("timeout"),
  bodies: rejected("too-large"),
  tokens: rejected("unauthorized"),
  items: rejected("limit", "rate", "invalid"),
  copies: rejected("invalid", "too-large", "rate"),
  cursors: opened("multiplexed-stream"),
  polls: opened("poll"),
  held: opened("poll"),
  members: received(10),
  sampled: opened("envelope-stream"),
  history: ({ thump }) => thump.hub.stats.publications >= 1000,
  rooms: ({ thump }) => thump.hub.rooms.size > 1000,
  scattered: published,
  deaf: opened("websocket"),
  refused: rejected("invalid-event"),
};

for (const name of NAMES)
  longTest(`${name}: has its effect, and a client from a different address connects`, async () => {
    const server = startServer({
      access: { secrets: SECRET },
      proxies: ["loopback"],
      limits: { bodyTime: "50ms" },
      rooms: {
        crowd: { join: "anyone", presence: true },
        "*": { join: "anyone", publish: "anyone" },
      },
    });
    const tally = new Tally();
    const attack = await attacks[name](server.port, tally);
    cleanup(() => attack.end());
    const timer = setInterval(() => attack.send(20), 5);
    cleanup(() => clearInterval(timer));
    await eventually(() => EFFECTS[name](server));
    expect(await newClientStatus(server.port)).toBe("101");
  });

test("responses are counted by status and by code, in heads, bodies and frames", () => {
  const tally = new Tally();
  tally.see(Buffer.from('HTTP/1.1 429 Too Many Requests\r\n\r\n{"status":429,"code":"rate"}'));
  tally.see(Buffer.from('\x81\x20{"type":"error","code":"rate"}\x81\x20{"type":"error","code":"limit"}'));
  expect(tally.answers).toEqual({ "429": 1, rate: 2, limit: 1 });
});

/** A result with these p99s before, after and during the attacks, in ms. */
function hostileOf(before: number, after: number, during: number[]): HostileResult {
  const names = Object.keys(ATTACKS) as AttackName[];
  const assaults = names.map((name, i) => ({
    name,
    perSecond: 100,
    cpu: 0.1,
    answers: {},
    newcomer: "101",
    window: windowOf({ p99: during[i] ?? before, server: { cpu: 0.7 } }),
  }));
  return {
    kind: "hostile",
    before: windowOf({ p99: before, server: { cpu: 0.5 } }),
    assaults,
    after: windowOf({ p99: after }),
    rss: { before: 1, after: 1 },
  };
}

test("harm is the p99 during an attack divided by the lower p99 without one; cost is the additional CPU time per request", () => {
  const result = hostileOf(10, 12, [11, 10, 9, 25]);
  expect(harm(result, "connects")).toBeCloseTo(1.1);
  expect(worstHarm(result)).toBeCloseTo(2.5);
  expect(cost(result, "frames")).toBeCloseTo(2);
});

describe("the target for other clients", () => {
  const stateOf = (thump: HostileResult, control?: HostileResult) => {
    const rows = [rowOf("hostile", "thump-public", thump)];
    if (control) rows.push(rowOf("hostile", "control", control));
    const report = reportOf([scenarioOf("hostile", "hostile")], rows);
    return outcomes(report).find(({ title }) => title.startsWith("Attacks except handshakes"))?.state;
  };

  test("is missed because of the worst attack, except handshakes", () => {
    expect(stateOf(hostileOf(10, 10, [30, 11, 12]))).toBe("met");
    expect(stateOf(hostileOf(10, 10, [10, 11, 15]))).toBe("missed");
  });

  test("is met if the same attack does as much harm to a bare server", () => {
    expect(stateOf(hostileOf(10, 10, [10, 11, 15]), hostileOf(10, 10, [10, 10, 14]))).toBe("met");
    expect(stateOf(hostileOf(10, 10, [10, 11, 20]), hostileOf(10, 10, [10, 10, 14]))).toBe("missed");
  });
});

test("the table has a line per attack and server, with losses and responses", () => {
  const result = hostileOf(10, 10, [20]);
  const [first] = result.assaults;
  if (!first) throw new Error("no attack");
  first.answers = { "429": 1200, rate: 1200, "101": 3 };
  const report = reportOf([scenarioOf("hostile", "hostile")], [rowOf("hostile", "thump", result)]);
  const table = attackTable(report, report.scenarios[0]!);
  expect(table?.lines).toHaveLength(Object.keys(ATTACKS).length);
  expect(table?.lines[0]).toMatchObject({ attack: ATTACKS.connects, server: "thump" });
  expect(table?.lines[0]?.cells).toEqual([
    "100",
    "2.00×",
    "2.00",
    "80.0",
    "0",
    "101",
    "429 1,200, rate 1,200, 101 3",
  ]);
});
