// The connection throttle: new connections are admitted a few per tick, in order, and leave ticks for everybody else.
import { expect, test } from "bun:test";
import { ConnectionThrottle } from "../../src/limits/connection-throttle.ts";

const stays = () => false;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("one after the other goes on at once", async () => {
  const connectionThrottle = new ConnectionThrottle();
  for (let i = 0; i < 20; i++) {
    expect(connectionThrottle.pass(stays)).toBeUndefined();
    await turn();
  }
});

test("of a crowd a few go on a turn, in order, and a newcomer does not overtake", async () => {
  const connectionThrottle = new ConnectionThrottle();
  const passed: number[] = [];
  const come = (i: number) => {
    const wait = connectionThrottle.pass(stays);
    if (wait) void wait.then(() => passed.push(i));
    else passed.push(i);
  };
  for (let i = 0; i < 21; i++) come(i);
  const atOnce = passed.length;
  expect(atOnce).toBeGreaterThan(0);
  expect(atOnce).toBeLessThan(21);
  const before = passed.length;
  await turn();
  come(21);
  expect(passed.length - before).toBeLessThanOrEqual(atOnce);
  while (passed.length < 22) await turn();
  expect(passed).toEqual(Array.from({ length: 22 }, (_, i) => i));
  await turn();
  expect(connectionThrottle.pass(stays)).toBeUndefined();
});

test("clients that left while they waited take no turn from those behind them", async () => {
  const connectionThrottle = new ConnectionThrottle();
  const outcomes: [client: string, passed: boolean][] = [];
  const come = (client: string, hasLeft: () => boolean) =>
    void connectionThrottle.pass(hasLeft)?.then((passed) => outcomes.push([client, passed]));
  // Full for this turn.
  while (connectionThrottle.pass(stays) === undefined) continue;
  for (let i = 0; i < 100; i++) come("gone", () => true);
  come("here", stays);
  await turn();
  await turn();
  expect(outcomes.filter(([, passed]) => passed)).toEqual([["here", true]]);
  expect(outcomes).toHaveLength(101);
});
