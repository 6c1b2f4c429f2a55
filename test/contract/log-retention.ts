// The contract of logs, part two: retention, gaps, and idempotency keys.
import { expect, test } from "bun:test";
import { PUBLICATION_OVERHEAD_BYTES } from "../../src/rooms/room-history.ts";
import { seqs } from "../support/publications.ts";
import type { Draft } from "../../src/protocol/publication.ts";
import { rejection } from "../support/errors.ts";
import type { Subject } from "./log.ts";

export function retentionContract(on: Subject): void {
  test("by count: only the newest messages are stored", async () => {
    const all = seqs(await on.appendMany("three:a", 5));
    expect(seqs((await on.log.read("three:a", 0, 9)).publications)).toEqual(all.slice(-3));
  });

  test("by bytes: the oldest messages are dropped", async () => {
    const data = { kind: "text", text: "x".repeat(500) } as const;
    const all: number[] = [];
    for (let i = 0; i < 9; i++) all.push((await on.append("small:a", { data })).seq);
    const stored = seqs((await on.log.read("small:a", 0, 9)).publications);
    expect(stored.length).toBeGreaterThan(0);
    expect(stored.length).toBeLessThanOrEqual(3);
    expect(stored).toEqual(all.slice(-stored.length));
  });

  test("by age: expired messages are not read", async () => {
    const { time } = await on.append("brief:a");
    while (Date.now() <= time + 1) await Bun.sleep(1);
    expect((await on.log.read("brief:a", 0, 9)).publications).toEqual([]);
    expect(await on.gapAfter("brief:a", 0)).toBe(true);
  });

  test("a read of the newest messages reports whether older ones were removed", async () => {
    await on.appendMany("three:a", 3);
    expect((await on.log.newest("three:a", 9)).truncated).toBeUndefined();
    await on.append("three:a");
    for (const count of [3, 4, 1000]) expect((await on.log.newest("three:a", count)).truncated).toBe(true);
    expect((await on.log.newest("three:a", 2)).truncated).toBeUndefined();
    await on.log.forget("three:a");
    await on.append("three:a");
    const { truncated, publications } = await on.log.newest("three:a", 9);
    expect(publications.length).toBe(1);
    // A log that keeps no record of a forgotten room cannot report that messages were removed.
    expect([true, undefined]).toContain(truncated);
  });

  test("usageOf() returns a room's usage if the log has it in memory", async () => {
    const data = { kind: "text", text: "12345" } as const;
    const [, newest] = [await on.append("a", { data }), await on.append("a", { data })];
    const usage = on.log.usageOf?.("a");
    if (usage)
      expect(usage).toEqual({ count: 2, bytes: 2 * (5 + PUBLICATION_OVERHEAD_BYTES), newest: newest.time });
    const nothing = on.log.usageOf?.("elsewhere");
    expect(nothing?.count ?? 0).toBe(0);
  });

  test("rooms() lists the rooms with stored messages", async () => {
    await on.append("a");
    await on.append("none:a");
    await on.append("b");
    await on.log.forget("b");
    expect([...(await on.log.rooms())]).toEqual(["a"]);
  });
}

const WIDE = { count: 1000, age: 3_600_000, bytes: 1e8 };

export function changedRetentionContract(on: Subject): void {
  test("a smaller retention trims stored messages, which are reported as a gap", async () => {
    const all = seqs(await on.appendMany("a", 5));
    const two = { ...WIDE, count: 2 };
    on.log.replaceRetention(() => two);
    const { from, publications } = await on.log.read("a", 0, 9);
    expect(seqs(publications)).toEqual(all.slice(-2));
    expect(from).toBeGreaterThan(0);
    await on.append("a");
    expect((await on.log.read("a", 0, 9)).publications).toHaveLength(2);
  });

  test("a larger retention applies to later messages, and dropped messages remain a gap", async () => {
    const all = seqs(await on.appendMany("three:a", 5));
    on.log.replaceRetention(() => WIDE);
    all.push(...seqs(await on.appendMany("three:a", 5)));
    expect(seqs((await on.log.read("three:a", 0, 99)).publications)).toEqual(all.slice(2));
    expect(await on.gapAfter("three:a", all[0]!)).toBe(true);
  });

  test("a room dropped under earlier rules is a gap, however often the rules change", async () => {
    await on.append("b");
    const freed = await on.append("none:a");
    for (let i = 0; i < 3; i++) {
      const bounds = { ...WIDE };
      on.log.replaceRetention(() => bounds);
      // Dropping an older room later must not lower the gap's position.
      if (i === 0) await on.log.forget("b");
      expect(await on.gapAfter("none:a", freed.seq - 1)).toBe(true);
    }
    expect(await on.gapAfter("none:a", freed.seq)).toBe(false);
  });

  test("a complete room has no gap", async () => {
    const [first] = await on.appendMany("a", 3);
    on.log.replaceRetention(() => WIDE);
    expect(await on.gapAfter("a", first!.seq)).toBe(false);
    expect((await on.log.read("a", 0, 9)).publications).toHaveLength(3);
  });
}

export function gapContract(on: Subject): void {
  test("a cursor within the stored messages has no gap", async () => {
    const all = await on.appendMany("three:a", 6);
    expect(await on.gapAfter("three:a", all[2]!.seq)).toBe(false);
    expect(await on.gapAfter("three:a", all[5]!.seq)).toBe(false);
    expect(await on.gapAfter("three:a", on.log.last)).toBe(false);
  });

  test("a trimmed room reports a gap and continues with the oldest stored message", async () => {
    const all = await on.appendMany("three:a", 6);
    const slice = await on.log.read("three:a", all[1]!.seq, 9);
    expect(slice.from).toBeGreaterThan(all[1]!.seq);
    expect(slice.from).toBeLessThan(all[3]!.seq);
    expect(seqs(slice.publications)).toEqual(seqs(all.slice(3)));
  });

  test.each([true, false])("a forgotten room reports a gap (subscribed: %p)", async (followed) => {
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

  test("a room without history reports a gap while subscribed, after unsubscribing, and later", async () => {
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

  test("a dropped room that is used again reports a gap for its earlier messages", async () => {
    const { seq } = await on.append("a");
    await on.log.forget("a");
    on.log.subscribe("a", () => {});
    expect(await on.gapAfter("a", seq - 1)).toBe(true);
    expect(await on.gapAfter("a", seq)).toBe(false);
  });

  test("dropped rooms cause no gaps in rooms under a different rule", async () => {
    const { seq } = await on.append("a");
    await on.append("none:x");
    const next = await on.append("a");
    const slice = await on.log.read("a", seq, 9);
    expect(slice.from).toBe(seq);
    expect(seqs(slice.publications)).toEqual([next.seq]);
  });
}

export function keyContract(on: Subject): void {
  test("a repeated key returns the first position, and delivers nothing", async () => {
    const received: number[] = [];
    on.log.subscribe("a", (p) => received.push(p.seq));
    const first = await on.append("a", { key: "k" });
    await on.append("a");
    const again = await on.append("a", { key: "k" });
    expect([again.seq, again.prev, again.time]).toEqual([first.seq, first.prev, first.time]);
    expect(received.length).toBe(2);
    expect((await on.log.read("a", 0, 9)).publications.length).toBe(2);
  });

  test("a repeated key with a different event, different data, or differently formatted data is rejected", async () => {
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

  test("one of two concurrent appends with the same key and different data is rejected", async () => {
    const data = (text: string) => ({ key: "k", data: { kind: "text", text } as const });
    const both = [on.append("a", data("1")), on.append("a", data("2"))];
    const codes = await Promise.all(both.map((one) => rejection(one)));
    expect(codes).toEqual([undefined, "key-reused"]);
  });

  test("two concurrent appends with the same key result in one publication", async () => {
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

  test("a key is known even if its publication was trimmed or never stored", async () => {
    for (const room of ["three:a", "none:a"]) {
      const { seq } = await on.append(room, { key: "k" });
      await on.appendMany(room, 5);
      expect((await on.append(room, { key: "k" })).seq).toBe(seq);
    }
  });
}
