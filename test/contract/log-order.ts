// The contract of logs, part one: order, subscribers, reads.
import { expect, test } from "bun:test";
import { seqs } from "../support/publications.ts";
import type { Subject } from "./log.ts";

export function orderContract(on: Subject): void {
  test("seqs increase across all rooms in call order", async () => {
    const calls = ["a", "b", "a", "c", "b", "a"].map((room) => on.append(room));
    const all = seqs(await Promise.all(calls));
    expect(all).toEqual(all.toSorted((a, b) => a - b));
    expect(new Set(all).size).toBe(all.length);
    expect(all[0]).toBeGreaterThan(0);
  });

  test("prev is the seq of the previous message in the same room, or 0", async () => {
    const [a1, b1, a2, a3, b2] = [
      await on.append("a"),
      await on.append("b"),
      await on.append("a"),
      await on.append("a"),
      await on.append("b"),
    ];
    expect([a1.prev, b1.prev, a2.prev, a3.prev, b2.prev]).toEqual([0, 0, a1.seq, a2.seq, b1.seq]);
  });

  test("prev is correct after a trim and a forget", async () => {
    const [, , , trimmed] = await on.appendMany("three:a", 4);
    expect((await on.append("three:a")).prev).toBe(trimmed!.seq);
    const stored = await on.append("a");
    await on.log.subscribe("a", () => {});
    await on.log.forget("a");
    expect((await on.append("a")).prev).toBe(stored.seq);
  });

  test("last is the newest seq across all rooms", async () => {
    const { seq } = await on.append("a");
    expect(on.log.last).toBe(seq);
    const { seq: next } = await on.append("b");
    expect(on.log.last).toBe(next);
  });

  test("a publication is read back unchanged, with time and size", async () => {
    const before = Date.now();
    const data = { kind: "binary", bytes: Uint8Array.of(0, 1, 255) } as const;
    await on.append("a", { event: "tick", data, from: "u7" });
    const [stored] = (await on.log.read("a", 0, 9)).publications;
    expect(stored).toMatchObject({ room: "a", event: "tick", from: "u7", size: 3 });
    expect(stored?.data.kind === "binary" && [...stored.data.bytes]).toEqual([0, 1, 255]);
    expect(stored?.time).toBeGreaterThanOrEqual(before);
    expect(stored?.time).toBeLessThanOrEqual(Date.now());
  });

  test("the three kinds of data are preserved", async () => {
    const texts = [
      { kind: "json", text: '{"a":1.10}' },
      { kind: "text", text: '{"a":1.10}' },
      { kind: "text", text: "" },
    ] as const;
    for (const data of texts) await on.append("a", { data });
    const { publications } = await on.log.read("a", 0, 9);
    expect(publications.map(({ data }) => data)).toEqual([...texts]);
  });
}

export function subscriberContract(on: Subject): void {
  test("a subscriber receives its room's publications in order, and no others", async () => {
    const received: number[] = [];
    on.log.subscribe("a", (p) => received.push(p.seq));
    const before = await on.appendMany("a", 3);
    await on.append("b");
    const after = await on.appendMany("a", 2);
    expect(received).toEqual(seqs([...before, ...after]));
  });

  test("a subscriber receives a publication before it is acknowledged", async () => {
    let received = 0;
    on.log.subscribe("a", (p) => (received = p.seq));
    const { seq } = await on.append("a");
    expect(received).toBe(seq);
  });

  test("after unsubscribing, nothing is delivered, and stored messages remain", async () => {
    const received: number[] = [];
    on.log.subscribe("a", (p) => received.push(p.seq));
    const { seq } = await on.append("a");
    on.log.unsubscribe("a");
    const later = await on.append("a");
    expect(received).toEqual([seq]);
    expect(seqs((await on.log.read("a", 0, 9)).publications)).toEqual([seq, later.seq]);
  });

  test("a new subscriber replaces the previous one", async () => {
    const received: string[] = [];
    on.log.subscribe("a", () => received.push("first"));
    on.log.unsubscribe("a");
    on.log.subscribe("a", () => received.push("second"));
    await on.append("a");
    expect(received).toEqual(["second"]);
  });

  test("rooms without history still deliver to their subscriber", async () => {
    const received: number[] = [];
    on.log.subscribe("none:a", (p) => received.push(p.seq));
    expect(seqs(await on.appendMany("none:a", 3))).toEqual(received);
  });

  test("unsubscribing from a room without a subscriber has no effect", async () => {
    on.log.unsubscribe("never");
    expect((await on.append("never")).prev).toBe(0);
  });
}

export function readContract(on: Subject): void {
  test("consecutive slices are complete", async () => {
    const all = seqs(await on.appendMany("a", 10));
    const read: number[] = [];
    let after = 0;
    while (read.length < 10) {
      const slice = await on.log.read("a", after, 3);
      expect(slice.from).toBe(after);
      read.push(...seqs(slice.publications));
      expect(slice.upTo).toBeGreaterThan(after);
      after = slice.upTo;
    }
    expect(read).toEqual(all);
  });

  test("a slice that reaches the end of a room reaches the newest seq across all rooms", async () => {
    await on.append("a");
    const { seq } = await on.append("b");
    expect((await on.log.read("a", 0, 9)).upTo).toBe(seq);
    expect((await on.log.read("never", 0, 9)).upTo).toBe(seq);
    expect(await on.log.read("a", seq, 9)).toEqual({ from: seq, upTo: seq, publications: [] });
  });

  test("the newest messages are returned oldest first", async () => {
    const all = seqs(await on.appendMany("a", 5));
    const newest = await on.log.newest("a", 2);
    expect(seqs(newest.publications)).toEqual(all.slice(-2));
    expect(newest.from).toBeLessThan(all[3]!);
    expect(newest.from).toBeGreaterThanOrEqual(all[2]!);
    expect((await on.log.newest("a", 0)).publications).toEqual([]);
    expect((await on.log.newest("never", 5)).publications).toEqual([]);
  });
}
