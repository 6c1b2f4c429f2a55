// The governor: deferred work gets a limited share of each tick and runs in the right order.
import { expect, test } from "bun:test";
import { Governor } from "../../src/scheduling/governor.ts";

/** Work in several pieces, each of which advances the clock by `ms`. */
function work(name: string, pieces: number, ms: number, clock: { now: number }, done: string[]) {
  let left = pieces;
  return {
    piece() {
      clock.now += ms;
      done.push(name);
      return --left > 0;
    },
  };
}

const tick = () => new Promise(setImmediate);

function governor(minMs: number, tickPieces = 1000, maxMs = minMs) {
  const clock = { now: 1 };
  return { clock, governor: new Governor({ minMs, maxMs, share: 0.5, tickPieces }, () => clock.now) };
}

test("work runs at once while the tick's share lasts, the rest in later ticks, one piece each", async () => {
  const { clock, governor: one } = governor(3);
  const done: string[] = [];
  one.run(work("a", 3, 1, clock, done));
  one.run(work("b", 3, 1, clock, done));
  one.run(work("c", 1, 1, clock, done));
  expect(done).toEqual(["a", "b", "c"]);
  expect(one.open).toBe(false);
  one.run(work("d", 1, 1, clock, done));
  expect(done).toHaveLength(3);
  await tick();
  expect(done.slice(3)).toEqual(["a", "b", "d"]);
  await tick();
  expect(done.slice(6)).toEqual(["a", "b"]);
});

test("no tick exceeds its share by more than one piece, and no work is lost", async () => {
  const { clock, governor: one } = governor(3, 4);
  const done: string[] = [];
  for (let i = 0; i < 10; i++) one.run(work(String(i), 5, 0.5, clock, done));
  for (let before = 0; done.length < 50; before = done.length) {
    expect(done.length - before).toBeLessThanOrEqual(4);
    await tick();
  }
  expect(done).toHaveLength(50);
});

test("a piece that throws uses its share, and waiting work continues", async () => {
  const { clock, governor: one } = governor(1);
  const done: string[] = [];
  const failing = {
    piece(): boolean {
      clock.now += 5;
      throw new Error("a piece failed");
    },
  };
  expect(() => one.run(failing)).toThrow("a piece failed");
  expect(one.open).toBe(false);
  one.run(work("a", 1, 1, clock, done));
  await tick();
  expect(done).toEqual(["a"]);
});

test("in long ticks, deferred work may take a fraction of the time of all other work, up to a maximum", async () => {
  const { clock, governor: one } = governor(1, 1000, 8);
  const done: string[] = [];
  one.run(work("a", 100, 1, clock, done));
  const perTick: number[] = [];
  for (const others of [0, 0, 6, 6, 100, 0, 0]) {
    const before = done.length;
    clock.now += others;
    await tick();
    perTick.push(done.length - before);
  }
  // The governor does not run at the start of the first tick, so it does not know how much time other work took before
  // it.
  expect(perTick).toEqual([1, 1, 3, 3, 8, 1, 1]);
});

test("one promise continues per tick, with the rest of the tick's share, and pieces of other work run in between", async () => {
  const { clock, governor: one } = governor(2);
  const done: string[] = [];
  one.run(work("a", 6, 1, clock, done));
  const shares: number[] = [];
  const wait = async () => {
    shares.push(await one.next());
    done.push("promise");
  };
  const all = Promise.all([wait(), wait()]);
  await all;
  await tick();
  await tick();
  expect(done.filter((name) => name === "a")).toHaveLength(6);
  expect(shares.every((ms) => ms >= 1)).toBe(true);
  const gaps = done.join(" ").split("promise");
  expect(gaps).toHaveLength(3);
});

test("time spent outside of pieces counts, but ticks without deferred work do not", async () => {
  const { governor: one } = governor(1);
  const before = one.tick;
  one.spend(2);
  expect(one.open).toBe(false);
  await tick();
  expect(one.open).toBe(true);
  await tick();
  expect(one.tick).toBe(before + 1);
});
