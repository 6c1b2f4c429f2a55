// The contract of logs, part two: what is kept, the truth about what is not, and idempotency keys.
import { expect, test } from "bun:test";
import { PUBLICATION_OVERHEAD_BYTES } from "../../src/rooms/room-history.ts";
import { seqs } from "../support/publications.ts";
import type { Draft } from "../../src/protocol/publication.ts";
import { rejection } from "../support/errors.ts";
import type { Subject } from "./log.ts";

export function boundsContract(on: Subject): void {
  test("by count: the newest are kept", async () => {
    const all = seqs(await on.appendMany("three:a", 5));
    expect(seqs((await on.log.read("three:a", 0, 9)).publications)).toEqual(all.slice(-3));
  });

  test("by bytes: what does not fit is let go from the oldest on", async () => {
    const data = { kind: "text", text: "x".repeat(500) } as const;
    const all: number[] = [];
    for (let i = 0; i < 9; i++) all.push((await on.append("small:a", { data })).seq);
    const kept = seqs((await on.log.read("small:a", 0, 9)).publications);
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThanOrEqual(3);
    expect(kept).toEqual(all.slice(-kept.length));
  });

  test("by age: what is too old is not read", async () => {
    const { time } = await on.append("brief:a");
    while (Date.now() <= time + 1) await Bun.sleep(1);
    expect((await on.log.read("brief:a", 0, 9)).publications).toEqual([]);
    expect(await on.gapAfter("brief:a", 0)).toBe(true);
  });

  test("the newest say whether older ones are gone", async () => {
    await on.appendMany("three:a", 3);
    expect((await on.log.newest("three:a", 9)).truncated).toBeUndefined();
    await on.append("three:a");
    for (const count of [3, 4, 1000]) expect((await on.log.newest("three:a", count)).truncated).toBe(true);
    expect((await on.log.newest("three:a", 2)).truncated).toBeUndefined();
    await on.log.forget("three:a");
    await on.append("three:a");
    const { truncated, publications } = await on.log.newest("three:a", 9);
    expect(publications.length).toBe(1);
    // A log that knows nothing any more of a room that it has forgotten cannot say.
    expect([true, undefined]).toContain(truncated);
  });

  test("about() is what is kept of a room, where the log tells it at once", async () => {
    const data = { kind: "text", text: "12345" } as const;
    const [, newest] = [await on.append("a", { data }), await on.append("a", { data })];
    const told = on.log.usageOf?.("a");
    if (told)
      expect(told).toEqual({ count: 2, bytes: 2 * (5 + PUBLICATION_OVERHEAD_BYTES), newest: newest.time });
    const nothing = on.log.usageOf?.("elsewhere");
    expect(nothing?.count ?? 0).toBe(0);
  });

  test("rooms() are those of which something is kept", async () => {
    await on.append("a");
    await on.append("none:a");
    await on.append("b");
    await on.log.forget("b");
    expect([...(await on.log.rooms())]).toEqual(["a"]);
  });
}

const WIDE = { count: 1000, age: 3_600_000, bytes: 1e8 };

export function reboundContract(on: Subject): void {
  test("narrower ones trim what is there, and admit it", async () => {
    const all = seqs(await on.appendMany("a", 5));
    const two = { ...WIDE, count: 2 };
    on.log.replaceRetention(() => two);
    const { from, publications } = await on.log.read("a", 0, 9);
    expect(seqs(publications)).toEqual(all.slice(-2));
    expect(from).toBeGreaterThan(0);
    await on.append("a");
    expect((await on.log.read("a", 0, 9)).publications).toHaveLength(2);
  });

  test("wider ones keep more from now on, and what was let go of stays a gap", async () => {
    const all = seqs(await on.appendMany("three:a", 5));
    on.log.replaceRetention(() => WIDE);
    all.push(...seqs(await on.appendMany("three:a", 5)));
    expect(seqs((await on.log.read("three:a", 0, 99)).publications)).toEqual(all.slice(2));
    expect(await on.gapAfter("three:a", all[0]!)).toBe(true);
  });

  test("a room that was freed under the old ones still is a gap, however often they change", async () => {
    await on.append("b");
    const freed = await on.append("none:a");
    for (let i = 0; i < 3; i++) {
      const bounds = { ...WIDE };
      on.log.replaceRetention(() => bounds);
      // Something older is freed afterwards: it must not lower what is known to be gone.
      if (i === 0) await on.log.forget("b");
      expect(await on.gapAfter("none:a", freed.seq - 1)).toBe(true);
    }
    expect(await on.gapAfter("none:a", freed.seq)).toBe(false);
  });

  test("nothing is said of a room that has all of it", async () => {
    const [first] = await on.appendMany("a", 3);
    on.log.replaceRetention(() => WIDE);
    expect(await on.gapAfter("a", first!.seq)).toBe(false);
    expect((await on.log.read("a", 0, 9)).publications).toHaveLength(3);
  });
}

export function gapContract(on: Subject): void {
  test("within what is kept there is none", async () => {
    const all = await on.appendMany("three:a", 6);
    expect(await on.gapAfter("three:a", all[2]!.seq)).toBe(false);
    expect(await on.gapAfter("three:a", all[5]!.seq)).toBe(false);
    expect(await on.gapAfter("three:a", on.log.last)).toBe(false);
  });

  test("a trimmed room admits it, and goes on from the oldest that is kept", async () => {
    const all = await on.appendMany("three:a", 6);
    const slice = await on.log.read("three:a", all[1]!.seq, 9);
    expect(slice.from).toBeGreaterThan(all[1]!.seq);
    expect(slice.from).toBeLessThan(all[3]!.seq);
    expect(seqs(slice.publications)).toEqual(seqs(all.slice(3)));
  });

  test.each([true, false])("a forgotten room admits it (followed: %p)", async (followed) => {
    if (followed) on.log.subscribe("a", () => {});
    const { seq } = await on.append("a");
    await on.log.forget("a");
    expect((await on.log.read("a", 0, 9)).publications).toEqual([]);
    expect(await on.gapAfter("a", seq - 1)).toBe(true);
    expect(await on.gapAfter("a", seq)).toBe(false);
    const next = await on.append("a");
    expect(await on.gapAfter("a", seq - 1)).toBe(true);
    expect(seqs((await on.log.read("a", seq, 9)).publications)).toEqual([next.seq]);
  });

  test("a room that keeps nothing admits it, followed, left and after", async () => {
    const first = await on.append("none:a");
    expect(await on.gapAfter("none:a", first.seq - 1)).toBe(true);
    on.log.subscribe("none:a", () => {});
    const second = await on.append("none:a");
    expect(await on.gapAfter("none:a", first.seq)).toBe(true);
    expect(await on.gapAfter("none:a", second.seq)).toBe(false);
    on.log.unsubscribe("none:a");
    expect(await on.gapAfter("none:a", first.seq)).toBe(true);
    expect(await on.gapAfter("none:a", second.seq)).toBe(false);
  });

  test("a room that was freed and comes back admits what it had before", async () => {
    const { seq } = await on.append("a");
    await on.log.forget("a");
    on.log.subscribe("a", () => {});
    expect(await on.gapAfter("a", seq - 1)).toBe(true);
    expect(await on.gapAfter("a", seq)).toBe(false);
  });

  test("rooms that come and go do not make gaps in those under another rule", async () => {
    const { seq } = await on.append("a");
    await on.append("none:x");
    const next = await on.append("a");
    const slice = await on.log.read("a", seq, 9);
    expect(slice.from).toBe(seq);
    expect(seqs(slice.publications)).toEqual([next.seq]);
  });
}

export function keyContract(on: Subject): void {
  test("a repeated key gets the first position, and reaches no follower", async () => {
    const seen: number[] = [];
    on.log.subscribe("a", (p) => seen.push(p.seq));
    const first = await on.append("a", { key: "k" });
    await on.append("a");
    const again = await on.append("a", { key: "k" });
    expect([again.seq, again.prev, again.time]).toEqual([first.seq, first.prev, first.time]);
    expect(seen.length).toBe(2);
    expect((await on.log.read("a", 0, 9)).publications.length).toBe(2);
  });

  test("a repeated key with another event, other data or other tokens is refused", async () => {
    const text = '{"price":1.10}';
    const first = await on.append("a", { key: "k", data: { kind: "json", text } });
    const others: Partial<Draft>[] = [
      { data: { kind: "json", text: '{"price":1.1}' } },
      { data: { kind: "text", text } },
      { data: { kind: "json", text }, event: "tick" },
    ];
    for (const other of others)
      expect(await rejection(on.append("a", { key: "k", ...other }))).toBe("key-reused");
    expect((await on.append("a", { key: "k", data: { kind: "json", text } })).seq).toBe(first.seq);
    expect(seqs((await on.log.read("a", 0, 9)).publications)).toEqual([first.seq]);
  });

  test("of two at once with different data one is refused", async () => {
    const data = (text: string) => ({ key: "k", data: { kind: "text", text } as const });
    const both = [on.append("a", data("1")), on.append("a", data("2"))];
    const codes = await Promise.all(both.map((one) => rejection(one)));
    expect(codes).toEqual([undefined, "key-reused"]);
  });

  test("two at once are one", async () => {
    const [one, other] = await Promise.all([on.append("a", { key: "k" }), on.append("a", { key: "k" })]);
    expect(one.seq).toBe(other.seq);
    expect((await on.log.read("a", 0, 9)).publications.length).toBe(1);
  });

  test("each room, user and scope has its own keys", async () => {
    const all = await Promise.all([
      on.append("a", { key: "k" }),
      on.append("b", { key: "k" }),
      on.append("a", { key: "k", from: "u1" }),
      on.append("a", { key: "k", from: "u2" }),
      on.append("a", { key: "k2" }),
      on.append("a", { key: "k", scope: "code" }),
      on.append("a", { key: "k", from: "u1", scope: "code" }),
      on.append("a", { key: "k", scope: "key:1" }),
    ]);
    expect(new Set(seqs(all)).size).toBe(all.length);
  });

  test("a key is known after what it published is trimmed, or was never kept", async () => {
    for (const room of ["three:a", "none:a"]) {
      const { seq } = await on.append(room, { key: "k" });
      await on.appendMany(room, 5);
      expect((await on.append(room, { key: "k" })).seq).toBe(seq);
    }
  });
}
