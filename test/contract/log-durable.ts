// The contract of logs that outlive the process: the state that a log has after a restart.
import { beforeEach, describe, expect, test } from "bun:test";
import type { Log } from "../../src/log/log.ts";
import type { Draft, Publication } from "../../src/protocol/publication.ts";
import type { Retention } from "../../src/rooms/rule.ts";
import { rejection } from "../support/errors.ts";
import { cleanup } from "../support/cleanup.ts";
import { seqs } from "../support/publications.ts";
import { retentionOf } from "./log.ts";

type BoundsOf = (room: string) => Retention;
/** Opens the current test's log. A second call opens the same data again. */
export type OpenLog = (retentionOf: BoundsOf, kinds: string) => Log | Promise<Log>;

class Reopened {
  #log: Log | undefined;
  #open: OpenLog | undefined;

  get log(): Log {
    if (!this.#log) throw new Error("only within a test");
    return this.#log;
  }

  async begin(create: () => OpenLog): Promise<void> {
    this.#open = create();
    this.#log = undefined;
    await this.reopen();
    cleanup(() => this.log.close());
  }

  /** Closes the log and opens it again. */
  async reopen(bounds: BoundsOf = retentionOf, kinds = ""): Promise<void> {
    await this.#log?.close();
    this.#log = await this.#open?.(bounds, kinds);
  }

  append = async (room: string, fields: Partial<Draft> = {}): Promise<Publication> =>
    this.log.append({ room, event: "message", data: { kind: "text", text: "data" }, ...fields });

  appendMany = (room: string, count: number): Promise<Publication[]> =>
    Promise.all(Array.from({ length: count }, () => this.append(room)));

  read = async (room: string, after = 0) => this.log.read(room, after, 10_000);
}

/** @param create called once per test; returns a function that opens a log in a new place */
export function durableContract(name: string, create: () => OpenLog): void {
  describe(`${name}, opened again`, () => {
    const on = new Reopened();
    beforeEach(() => on.begin(create));
    describe("stored data", () => stays(on));
    describe("removed data", () => goes(on));
    describe("changed rules", () => otherRules(on));
  });
}

function stays(on: Reopened): void {
  test("has the same epoch and all stored messages, unchanged", async () => {
    const { epoch } = on.log;
    const data = [
      { kind: "json", text: '{"a":1.10}' },
      { kind: "text", text: "a\u0000b\u2028🐇" },
      { kind: "binary", bytes: Uint8Array.of(0, 255, 1) },
      { kind: "text", text: "" },
    ] as const;
    const all: Publication[] = [];
    for (const one of data) all.push(await on.append("a", { data: one, event: "tick", from: "u7" }));
    await on.reopen();
    expect(on.log.epoch).toBe(epoch);
    const { from, publications } = await on.read("a");
    expect(from).toBe(0);
    expect(publications.map(({ data: { kind } }) => kind)).toEqual(data.map(({ kind }) => kind));
    for (const [i, publication] of publications.entries()) {
      const { seq, prev, time, size } = all[i]!;
      expect(publication).toMatchObject({ room: "a", event: "tick", from: "u7", seq, prev, time, size });
      const { data: stored } = publication;
      if (stored.kind === "binary") expect([...stored.bytes]).toEqual([0, 255, 1]);
      else expect(stored as unknown).toEqual(data[i]);
    }
  });

  test("an earlier cursor resumes exactly, without a gap", async () => {
    const all = seqs(await on.appendMany("a", 10));
    await on.append("b");
    await on.reopen();
    const slice = await on.read("a", all[4]!);
    expect(slice.from).toBe(all[4]!);
    expect(seqs(slice.publications)).toEqual(all.slice(5));
    expect((await on.read("never")).from).toBe(0);
    expect(seqs((await on.log.newest("a", 3)).publications)).toEqual(all.slice(-3));
  });

  test("no seq is used twice, and prev continues", async () => {
    const [first] = await on.appendMany("a", 3);
    const stored = await on.append("three:a");
    const other = await on.append("none:a");
    await on.reopen();
    expect(on.log.last).toBeGreaterThanOrEqual(other.seq);
    const next = await on.append("three:a");
    expect(next.seq).toBeGreaterThan(other.seq);
    expect(next.prev).toBe(stored.seq);
    expect(seqs((await on.read("a")).publications)[0]).toBe(first!.seq);
  });

  test("an idempotency key is known even if its publication was trimmed", async () => {
    const { seq, prev, time } = await on.append("three:a", { key: "k", from: "u1" });
    await on.appendMany("three:a", 5);
    await on.reopen();
    expect(await on.append("three:a", { key: "k", from: "u1" })).toMatchObject({ seq, prev, time });
    expect((await on.append("three:a", { key: "k", from: "u2" })).seq).toBeGreaterThan(seq);
    const other = { key: "k", from: "u1", data: { kind: "text", text: "other" } } as const;
    expect(await rejection(on.append("three:a", other))).toBe("key-reused");
  });

  test("rooms are listed", async () => {
    await on.append("a");
    await on.append("none:a");
    await on.append("b");
    await on.log.forget("b");
    await on.reopen();
    expect([...(await on.log.rooms())]).toEqual(["a"]);
  });

  test("a large room is read to its end in consecutive slices", async () => {
    const wide = () => ({ count: 10_000, age: 3_600_000, bytes: 1e9 });
    await on.reopen(wide);
    const text = "x".repeat(2000);
    const all = seqs(
      await Promise.all(Array.from({ length: 3000 }, () => on.append("b", { data: { kind: "text", text } }))),
    );
    await on.reopen(wide);
    const read: number[] = [];
    let after = 0;
    while (read.length < all.length) {
      const slice = await on.log.read("b", after, Number.MAX_SAFE_INTEGER);
      expect(slice.from).toBe(after);
      expect(slice.upTo).toBeGreaterThan(after);
      read.push(...seqs(slice.publications));
      after = slice.upTo;
    }
    expect(read).toEqual(all.slice(-read.length));
    // Trims the oldest messages, which are not in memory, and some newer ones, which are.
    on.log.replaceRetention(() => ({ count: 2500, age: 3_600_000, bytes: 1e9 }));
    const more = seqs(await on.appendMany("b", 10));
    expect(seqs((await on.log.newest("b", 5000)).publications)).toEqual([...all.slice(-2490), ...more]);
    const { from } = await on.log.read("b", 0, 1);
    expect(from).toBe(all.at(-2491)!);
  });
}

function goes(on: Reopened): void {
  test("trimmed, forgotten and unstored messages are still a gap", async () => {
    const trimmed = await on.appendMany("three:a", 5);
    const forgotten = await on.append("a");
    await on.log.forget("a");
    const unkept = await on.append("none:a");
    await on.reopen();
    expect((await on.read("three:a")).from).toBe(trimmed[1]!.seq);
    expect((await on.read("a", forgotten.seq - 1)).from).toBeGreaterThanOrEqual(forgotten.seq);
    expect((await on.read("a", forgotten.seq)).from).toBe(forgotten.seq);
    expect((await on.read("none:a", unkept.seq - 1)).from).toBeGreaterThanOrEqual(unkept.seq);
  });

  test("a room kept in memory reports that messages were lost", async () => {
    const inMemory = { count: 100, age: 3_600_000, bytes: 1e6, store: "memory" } as const;
    const bounds: BoundsOf = (room) => (room === "m" ? inMemory : retentionOf(room));
    await on.reopen(bounds);
    const { seq } = await on.append("m");
    expect(seqs((await on.read("m")).publications)).toEqual([seq]);
    await on.reopen(bounds);
    const { from, publications } = await on.read("m", seq - 1);
    expect(publications).toEqual([]);
    expect(from).toBeGreaterThanOrEqual(seq);
    // For messages published after the restart, no gap is reported.
    const { last } = on.log;
    const next = await on.append("m");
    expect(await on.read("m", last)).toMatchObject({ from: last, publications: [{ seq: next.seq }] });
  });

  test("messages that expired while the log was closed are not read", async () => {
    const { time, seq } = await on.append("brief:a");
    while (Date.now() <= time + 1) await Bun.sleep(1);
    await on.reopen();
    expect(await on.read("brief:a")).toMatchObject({ from: seq, publications: [] });
  });
}

function otherRules(on: Reopened): void {
  test("a smaller retention applies to stored messages", async () => {
    const all = seqs(await on.appendMany("a", 9));
    await on.reopen(() => ({ count: 4, age: 3_600_000, bytes: 1e6 }));
    const { from, publications } = await on.read("a");
    expect(seqs(publications)).toEqual(all.slice(-4));
    expect(from).toBe(all[4]!);
  });

  test("messages that earlier rules stored elsewhere are a gap, in both directions", async () => {
    const stored: BoundsOf = () => ({ count: 100, age: 3_600_000, bytes: 1e6 });
    const inMemory: BoundsOf = () => ({ count: 100, age: 3_600_000, bytes: 1e6, store: "memory" });
    await on.reopen(stored, "stored");
    const first = await on.append("a");
    await on.reopen(inMemory, "in memory");
    const second = await on.append("a");
    const third = await on.append("new");
    await on.reopen(stored, "stored");
    expect((await on.read("a", first.seq)).from).toBeGreaterThanOrEqual(second.seq);
    expect((await on.read("new", third.seq - 1)).from).toBeGreaterThanOrEqual(third.seq);
    const fourth = await on.append("a");
    expect(seqs((await on.read("a", second.seq)).publications)).toEqual([fourth.seq]);
  });
}
