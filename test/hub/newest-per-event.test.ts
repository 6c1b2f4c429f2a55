// Rooms with `lag: "latest"`: each event's newest publication is selected from a slice and from a history.
import { expect, test } from "bun:test";
import { newestPerEvent } from "../../src/hub/newest-per-event.ts";
import type { Publication } from "../../src/protocol/publication.ts";
import { RoomHistory } from "../../src/rooms/room-history.ts";
import { publication, seqs } from "../support/publications.ts";
import { randomTest } from "../support/random.ts";

const events = (...names: string[]) => names.map((event, i) => publication(i + 1, { event }));

test("the newest publication per event remains, in seq order, and skipped publications are not a gap", () => {
  const read = { from: 0, upTo: 9, publications: events("a", "b", "a", "c", "b") };
  const newest = newestPerEvent(read, 0, undefined, "me");
  expect(seqs(newest.publications)).toEqual([3, 4, 5]);
  expect(newest).toMatchObject({ from: 0, upTo: 9 });
});

test("the room's newest publication is used if the history is empty", () => {
  const read = { from: 7, upTo: 7, publications: [] };
  expect(seqs(newestPerEvent(read, 3, publication(7), "me").publications)).toEqual([7]);
  expect(seqs(newestPerEvent(read, 7, publication(7), "me").publications)).toEqual([]);
  expect(newestPerEvent(read, 3, publication(7), "me").from).toBe(3);
});

test("a session's own publications do not count as the newest for that session", () => {
  const own = publication(2, { except: "me" });
  const read = { from: 0, upTo: 2, publications: [publication(1), own] };
  expect(seqs(newestPerEvent(read, 0, undefined, "me").publications)).toEqual([1]);
  expect(seqs(newestPerEvent(read, 0, undefined, "other").publications)).toEqual([2]);
  expect(newestPerEvent({ from: 2, upTo: 2, publications: [] }, 1, own, "me").publications).toEqual([]);
});

randomTest(
  "a history yields the same publications as a slice, after any sequence of pushes, drops and extensions",
  (random) => {
    for (let round = 0; round < 200; round++) {
      const retention = { count: 1 + random.below(20), age: 1e9, bytes: 1e9 };
      const history = new RoomHistory(retention, 100);
      for (let step = 0; step < 100; step++) {
        const session = random.pick(["me", "you"]);
        const except = random.pick([undefined, undefined, "me", "you"]);
        if (random.chance(40)) history.forget();
        else if (random.chance(30) && history.floor > 1) {
          const older = publication(history.floor, { event: random.pick(["a", "b"]), time: 1e9 });
          history.extend({ from: history.floor - 1, upTo: history.last, publications: [older] }, 1e9);
        } else
          history.push(
            publication(history.last + 1, { event: random.pick(["a", "b", "c"]), except, time: 1e9 }),
          );
        if (random.chance(2)) continue;
        const after = history.floor + random.below(history.last - history.floor + 1);
        const slice = history.read(after, 1000);
        const found = slice.publications.filter(
          (p: Publication) => p.except !== session && history.isNewestFor(p, session),
        );
        expect(seqs(found)).toEqual(seqs(newestPerEvent(slice, after, undefined, session).publications));
      }
    }
  },
);
