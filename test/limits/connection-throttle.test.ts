// The connection throttle: sessions begin in order, within the governor's share of a tick.
import { expect, test } from "bun:test";
import { ConnectionThrottle } from "../../src/limits/connection-throttle.ts";
import { Governor } from "../../src/scheduling/governor.ts";

const stays = () => false;
const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Creates a throttle whose clock advances only while a session begins. */
function throttle(msPerSession = 0.2) {
  const clock = { now: 1 };
  const limits = { minMs: 1, maxMs: 1, share: 0, tickPieces: 64 };
  const governor = new Governor(limits, () => clock.now);
  const one = new ConnectionThrottle(governor);
  const begun: string[] = [];
  const skipped: string[] = [];
  const come = (client: string, hasLeft = stays) =>
    one.run(
      () => {
        clock.now += msPerSession;
        begun.push(client);
      },
      hasLeft,
      () => void skipped.push(client),
    );
  return { governor, begun, skipped, come };
}

test("a single request begins immediately", async () => {
  const { begun, come } = throttle();
  for (let i = 0; i < 20; i++) {
    expect(come(String(i))).toBeUndefined();
    expect(begun).toHaveLength(i + 1);
    await tick();
  }
});

test("simultaneous requests are admitted over several ticks, in order, and a later request waits behind them", async () => {
  const { begun, come } = throttle();
  for (let i = 0; i < 21; i++) void come(String(i));
  const atOnce = begun.length;
  expect(atOnce).toBeGreaterThan(0);
  expect(atOnce).toBeLessThan(6);
  await tick();
  void come("21");
  expect(begun.length - atOnce).toBeLessThanOrEqual(5);
  while (begun.length < 22) await tick();
  expect(begun).toEqual(Array.from({ length: 22 }, (_, i) => String(i)));
});

test("clients that disconnect while waiting are skipped and use no share of the tick", async () => {
  const { begun, skipped, come } = throttle(1);
  void come("first");
  const gone = Array.from({ length: 100 }, (_, i) => come(`gone ${i}`, () => true));
  void come("here");
  await tick();
  expect(begun).toEqual(["first", "here"]);
  await Promise.all(gone);
  expect(skipped).toHaveLength(100);
});

test("if a session fails to begin, its request is rejected, and the next session begins", async () => {
  const governor = new Governor();
  const one = new ConnectionThrottle(governor);
  governor.spend(100);
  const failing = one.run(
    () => {
      throw new Error("no session");
    },
    stays,
    () => {},
  );
  const next = one.run(
    () => "begun",
    stays,
    () => "gone",
  );
  await expect(failing).rejects.toThrow("no session");
  expect(await next).toBe("begun");
});

test("connecting clients and connected sessions take turns, however much work either has", async () => {
  const { governor, begun, come } = throttle(0.2);
  governor.spend(100);
  const pieces: string[] = [];
  for (let i = 0; i < 100; i++) governor.defer({ piece: () => (pieces.push(`session ${i}`), true) });
  for (let i = 0; i < 10; i++) void come(String(i));
  for (let ticks = 0; ticks < 10; ticks++) await tick();
  expect(begun).toHaveLength(10);
  expect(pieces.length).toBeGreaterThan(10);
});
