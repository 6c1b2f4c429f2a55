// Room history: the stored publications, and the floor, the position after which the history is complete.
import { expect, test } from "bun:test";
import type { Publication } from "../../src/protocol/publication.ts";
import { PUBLICATION_OVERHEAD_BYTES, RoomHistory } from "../../src/rooms/room-history.ts";
import { publication, seqs } from "../support/publications.ts";
import { type Random, randomTest } from "../support/random.ts";

const WIDE = { count: 1000, age: 1e9, bytes: 1e9 };

function filled(retention: { count: number; age: number; bytes: number }, ...all: number[]): RoomHistory {
  const history = new RoomHistory(retention, 0);
  for (const seq of all) history.push(publication(seq));
  return history;
}

test("when the count exceeds the limit, the oldest publications are dropped", () => {
  const history = filled({ ...WIDE, count: 3 }, 2, 4, 6, 8, 10);
  expect(seqs(history.read(0, 99).publications)).toEqual([6, 8, 10]);
  expect(history.floor).toBe(4);
  expect(history.count).toBe(3);
});

test("when the size, including overhead, exceeds the limit, the oldest publications are dropped", () => {
  const size = publication(1).size + PUBLICATION_OVERHEAD_BYTES;
  const history = filled({ ...WIDE, bytes: size * 2 + 1 }, 1, 2, 3);
  expect(seqs(history.read(0, 99).publications)).toEqual([2, 3]);
  expect(history.bytes).toBe(size * 2);
});

test("a publication above the size limit is not stored, which raises the floor", () => {
  const history = new RoomHistory({ ...WIDE, bytes: 300 }, 0);
  history.push(publication(1, { data: { kind: "text", text: "x".repeat(1000) } }));
  expect(history.read(0, 99)).toEqual({ from: 1, upTo: 1, publications: [] });
});

test("old publications are dropped as time passes", () => {
  const history = new RoomHistory({ ...WIDE, age: 100 }, 0);
  history.push(publication(1, { time: 1000 }));
  history.push(publication(2, { time: 1050 }));
  history.trim(1099);
  expect(history.count).toBe(2);
  history.trim(1100);
  expect(history.read(0, 99)).toMatchObject({ from: 1, upTo: 2 });
  history.trim(5000);
  expect(history.read(0, 99)).toEqual({ from: 2, upTo: 2, publications: [] });
});

test("with a count of 0, nothing is stored, but publications raise the floor", () => {
  const history = filled({ count: 0, age: 0, bytes: 0 }, 5, 7);
  expect(history.last).toBe(7);
  expect(history.read(4, 99)).toEqual({ from: 7, upTo: 7, publications: [] });
  expect(history.read(7, 99)).toEqual({ from: 7, upTo: 7, publications: [] });
});

test("a slice that is cut short ends at its last publication", () => {
  const history = filled(WIDE, 1, 5, 9);
  expect(history.read(0, 2)).toMatchObject({ from: 0, upTo: 5 });
  expect(history.read(5, 2)).toMatchObject({ from: 5, upTo: 9 });
  expect(history.read(3, 0)).toEqual({ from: 3, upTo: 3, publications: [] });
});

test("reading after the newest publication gives an empty slice at that position", () => {
  expect(filled(WIDE, 1, 2).read(9, 5)).toEqual({ from: 9, upTo: 9, publications: [] });
});

test("nothing before the initial floor is known", () => {
  const history = new RoomHistory(WIDE, 50);
  expect(history.read(20, 5)).toEqual({ from: 50, upTo: 50, publications: [] });
  history.push(publication(60));
  expect(history.read(20, 5)).toMatchObject({ from: 50, upTo: 60 });
});

test("the newest publications are in order, and complete from their start", () => {
  const history = filled(WIDE, 1, 5, 9);
  expect(history.newest(2)).toMatchObject({ from: 4, upTo: 9 });
  expect(seqs(history.newest(2).publications)).toEqual([5, 9]);
  expect(history.newest(0)).toEqual({ from: 9, upTo: 9, publications: [] });
  expect(history.newest(99)).toMatchObject({ from: 0, upTo: 9 });
  expect(new RoomHistory(WIDE, 7).newest(3)).toEqual({ from: 7, upTo: 7, publications: [] });
});

test("after a forget, everything earlier is a gap", () => {
  const history = filled(WIDE, 1, 5);
  history.forget();
  expect(history.read(0, 9)).toEqual({ from: 5, upTo: 5, publications: [] });
  expect(history.bytes).toBe(0);
  history.push(publication(6));
  expect(history.read(1, 9)).toMatchObject({ from: 5, upTo: 6 });
});

/** The same history as a plain array: all publications ever pushed, and the index of the first stored one. */
class Plain {
  all: Publication[] = [];
  start = 0;
  constructor(readonly retention: { count: number; age: number; bytes: number }) {}

  get kept(): Publication[] {
    return this.all.slice(this.start);
  }

  get floor(): number {
    return this.all[this.start - 1]?.seq ?? 0;
  }

  trim(now: number): void {
    const { count, age, bytes } = this.retention;
    const weight = () => this.kept.reduce((sum, { size }) => sum + size + PUBLICATION_OVERHEAD_BYTES, 0);
    const over = () => this.kept.length > count || weight() > bytes || this.kept[0]!.time <= now - age;
    while (this.kept.length > 0 && over()) this.start++;
  }
}

function compare(history: RoomHistory, plain: Plain, random: Random, seq: number): void {
  const after = random.below(seq + 3);
  const limit = random.below(8);
  const expected = plain.kept.filter((p) => p.seq > after).slice(0, limit);
  const slice = history.read(after, limit);
  expect(seqs(slice.publications)).toEqual(seqs(expected));
  expect(slice.from).toBe(Math.max(after, plain.floor));
  // The slice contains exactly what is stored in (from, upTo].
  const claimed = plain.kept.filter((p) => p.seq > slice.from && p.seq <= slice.upTo);
  expect(seqs(slice.publications)).toEqual(seqs(claimed));
  const newest = history.newest(limit);
  expect(seqs(newest.publications)).toEqual(seqs(limit === 0 ? [] : plain.kept.slice(-limit)));
  expect(seqs(plain.kept.filter((p) => p.seq > newest.from))).toEqual(seqs(newest.publications));
  expect(history.bytes).toBe(
    plain.kept.reduce((sum, { size }) => sum + size + PUBLICATION_OVERHEAD_BYTES, 0),
  );
}

randomTest("random operations give the same result as a plain array", (random) => {
  for (let round = 0; round < 40; round++) {
    const retention = {
      count: random.below(90),
      age: 1 + random.below(300),
      bytes: 1 + random.below(40_000),
    };
    const [history, plain] = [new RoomHistory(retention, 0), new Plain(retention)];
    let [seq, now] = [0, 1000];
    for (let step = 0; step < 300; step++) {
      now += random.below(5);
      if (random.chance(40)) {
        history.forget();
        plain.start = plain.all.length;
      } else if (random.chance(5)) {
        history.trim(now);
        plain.trim(now);
      } else {
        seq += 1 + random.below(3);
        const p = publication(seq, {
          time: now,
          data: { kind: "text", text: "x".repeat(random.below(500)) },
        });
        history.push(p);
        plain.all.push(p);
        plain.trim(now);
      }
      compare(history, plain, random, seq);
    }
  }
});

test("older publications can be prepended, down to the floor and within the limits", () => {
  const history = new RoomHistory({ count: 4, age: 1e9, bytes: 1e9 }, 5);
  history.push(publication(7));
  history.extend({ from: 1, upTo: 4, publications: [publication(3)] }, 0);
  expect(history.floor).toBe(5);
  history.extend({ from: 2, upTo: 7, publications: [3, 5, 7].map((seq) => publication(seq)) }, 0);
  expect(history.floor).toBe(2);
  expect(seqs(history.read(0, 9).publications)).toEqual([3, 5, 7]);
  history.extend({ from: 0, upTo: 2, publications: [publication(1), publication(2)] }, 0);
  expect(seqs(history.read(0, 9).publications)).toEqual([2, 3, 5, 7]);
  expect([history.floor, history.count, history.bytes]).toEqual([1, 4, 4 * (PUBLICATION_OVERHEAD_BYTES + 6)]);
});
