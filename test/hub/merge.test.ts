// The heap of a merge, compared with a sorted list: it returns every publication once and in order, with logarithmic
// work.
import { expect, test } from "bun:test";
import { type HeapItem, MinHeap } from "../../src/hub/min-heap.ts";
import type { Random } from "../support/random.ts";
import { randomTest } from "../support/random.ts";

interface Room extends HeapItem {
  /** The remaining seqs in descending order, so that the next one is last. */
  seqs: number[];
}

/** Distributes `total` seqs randomly over a number of rooms. */
function deal(random: Random, rooms: number, total: number): Room[] {
  const all: Room[] = Array.from({ length: rooms }, () => ({ next: 0, seqs: [] }));
  for (let seq = total; seq > 0; seq--) random.pick(all).seqs.push(seq);
  const some = all.filter(({ seqs }) => seqs.length > 0);
  for (const room of some) room.next = room.seqs.at(-1) as number;
  return some;
}

/** Removes all seqs in order. As in a real merge, an item's `next` is sometimes only a lower bound. */
function merge(heads: MinHeap<Room>, random: Random): number[] {
  const merged: number[] = [];
  for (let { first } = heads; first; first = heads.first) {
    const seq = first.seqs.at(-1);
    if (seq === undefined) heads.removeFirst();
    else if (seq > first.next) {
      first.next = random.chance(3) ? first.next + 1 : seq;
      heads.advanced();
    } else {
      merged.push(first.seqs.pop() as number);
      first.next = seq + 1;
      heads.advanced();
    }
  }
  return merged;
}

randomTest("seqs from any number of rooms are returned in order, each once", (random) => {
  for (let round = 0; round < 300; round++) {
    const total = random.below(200);
    const heads = new MinHeap(deal(random, 1 + random.below(40), total));
    expect(merge(heads, random)).toEqual(Array.from({ length: total }, (_, i) => i + 1));
    expect(heads.size).toBe(0);
  }
});

test("a heap without rooms is empty", () => {
  const heads = new MinHeap<Room>([]);
  expect(heads.first).toBeUndefined();
  heads.removeFirst();
  expect(heads.size).toBe(0);
});

randomTest("comparisons per publication grow with the logarithm of the number of rooms", (random) => {
  for (const rooms of [10, 100, 1000]) {
    const total = 20_000;
    const heads = new MinHeap(deal(random, rooms, total));
    merge(heads, random);
    expect(heads.comparisons).toBeLessThan(total * 4 * (Math.log2(rooms) + 2));
  }
});
