// The two choices of catch-up, alone: which publications of several rooms come next, and which are the newest.
import { expect, test } from "bun:test";
import { newestOfEach, nextBatch } from "../../src/hub/catch-up.ts";
import type { Publication } from "../../src/protocol/publication.ts";
import { OVERHEAD } from "../../src/rooms/tail.ts";
import { publication, seqs } from "../support/publications.ts";
import { randomTest } from "../support/random.ts";

const slice = (from: number, upTo: number, ...all: number[]) => ({
  slice: { from, upTo, publications: all.map((seq) => publication(seq)) },
});

test("publications of several rooms come in seq order", () => {
  const { publications, upTo } = nextBatch([slice(0, 9, 2, 5, 9), slice(0, 9, 1, 3), slice(0, 9)], 1e9);
  expect(seqs(publications)).toEqual([1, 2, 3, 5, 9]);
  expect(upTo).toBe(9);
});

test("a slice that ends early holds the others back", () => {
  const { publications, upTo } = nextBatch([slice(0, 4, 2, 4), slice(0, 20, 3, 5, 20)], 1e9);
  expect(seqs(publications)).toEqual([2, 3, 4]);
  expect(upTo).toBe(4);
});

test("a batch ends where it is large enough, and reaches no further than it holds", () => {
  const one = publication(1).size + OVERHEAD;
  const { publications, upTo } = nextBatch([slice(0, 9, 1, 2, 3, 4)], one * 2);
  expect(seqs(publications)).toEqual([1, 2]);
  expect(upTo).toBe(2);
});

test("one that is larger than a batch is a batch of its own", () => {
  expect(nextBatch([slice(0, 9, 5, 6)], 1)).toMatchObject({ upTo: 5 });
  expect(nextBatch([slice(0, 9, 5)], 1)).toMatchObject({ upTo: 9 });
});

randomTest("batch after batch sends everything once, in order", (random) => {
  for (let round = 0; round < 200; round++) {
    const rooms = Array.from({ length: 1 + random.below(5) }, () => [] as Publication[]);
    const total = random.below(80);
    for (let seq = 1; seq <= total; seq++) random.pick(rooms).push(publication(seq));
    const sent: number[] = [];
    let position = 0;
    while (position < total) {
      const parts = rooms.map((all) => {
        const after = all.filter((p) => p.seq > position);
        const publications = after.slice(0, 1 + random.below(6));
        const whole = publications.length === after.length;
        return { slice: { from: position, upTo: whole ? total : publications.at(-1)!.seq, publications } };
      });
      const { publications, upTo } = nextBatch(parts, 1 + random.below(2_000));
      expect(upTo).toBeGreaterThan(position);
      sent.push(...seqs(publications));
      position = upTo;
    }
    expect(sent).toEqual(Array.from({ length: total }, (_, i) => i + 1));
  }
});

const events = (...names: string[]) => names.map((event, i) => publication(i + 1, { event }));

test("the newest of each event stay, in seq order, and what is skipped is no gap", () => {
  const read = { from: 0, upTo: 9, publications: events("a", "b", "a", "c", "b") };
  const newest = newestOfEach(read, 0, undefined, "me");
  expect(seqs(newest.publications)).toEqual([3, 4, 5]);
  expect(newest).toMatchObject({ from: 0, upTo: 9 });
});

test("what the room remembers stands in where nothing is kept", () => {
  const read = { from: 7, upTo: 7, publications: [] };
  expect(seqs(newestOfEach(read, 3, publication(7), "me").publications)).toEqual([7]);
  expect(seqs(newestOfEach(read, 7, publication(7), "me").publications)).toEqual([]);
  expect(newestOfEach(read, 3, publication(7), "me").from).toBe(3);
});

test("what a session published itself is not the newest for it", () => {
  const own = publication(2, { except: "me" });
  const read = { from: 0, upTo: 2, publications: [publication(1), own] };
  expect(seqs(newestOfEach(read, 0, undefined, "me").publications)).toEqual([1]);
  expect(seqs(newestOfEach(read, 0, undefined, "other").publications)).toEqual([2]);
  expect(newestOfEach({ from: 2, upTo: 2, publications: [] }, 1, own, "me").publications).toEqual([]);
});
