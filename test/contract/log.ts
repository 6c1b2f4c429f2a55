// The contract of every log, which the hub relies on. Each implementation runs this suite.
import { beforeEach, describe, expect, test } from "bun:test";
import type { Log } from "../../src/log/log.ts";
import type { Draft, Publication } from "../../src/protocol/publication.ts";
import type { Retention } from "../../src/rooms/rule.ts";
import { retentionContract, gapContract, keyContract, changedRetentionContract } from "./log-retention.ts";
import { subscriberContract, orderContract, readContract } from "./log-order.ts";
import { cleanup } from "../support/cleanup.ts";

const WIDE: Retention = { count: 1000, age: 3_600_000, bytes: 1e8 };
const RULES: [prefix: string, retention: Retention][] = [
  ["three:", { ...WIDE, count: 3 }],
  ["small:", { ...WIDE, bytes: 2_000 }],
  ["brief:", { ...WIDE, age: 1 }],
  ["none:", { count: 0, age: 0, bytes: 0 }],
  ["", WIDE],
];

/** Returns a room's retention by its prefix. Rooms with the same rule get the same object. */
export function retentionOf(room: string): Retention {
  return (RULES.find(([prefix]) => room.startsWith(prefix)) ?? ["", WIDE])[1];
}

export type CreateLog = (retentionOf: (room: string) => Retention) => Log | Promise<Log>;

/** The current test's log, for use in the parts of the suite. */
export interface Subject {
  readonly log: Log;
  append(room: string, fields?: Partial<Draft>): Promise<Publication>;
  appendMany(room: string, count: number): Promise<Publication[]>;
  /** True if a slice reports that messages after the position may be missing. */
  gapAfter(room: string, after: number): Promise<boolean>;
}

class LogUnderTest implements Subject {
  #log: Log | undefined;

  get log(): Log {
    if (!this.#log) throw new Error("only within a test");
    return this.#log;
  }

  async create(create: CreateLog): Promise<void> {
    const log = await create(retentionOf);
    this.#log = log;
    cleanup(() => log.close());
  }

  append = async (room: string, fields: Partial<Draft> = {}): Promise<Publication> =>
    this.log.append({ room, event: "message", data: { kind: "text", text: "data" }, ...fields });

  appendMany = (room: string, count: number): Promise<Publication[]> =>
    Promise.all(Array.from({ length: count }, () => this.append(room)));

  gapAfter = async (room: string, after: number): Promise<boolean> =>
    (await this.log.read(room, after, 1000)).from > after;
}

/** Declares the suite for an implementation. Each test gets its own log, which is closed after the test. */
export function logContract(name: string, create: CreateLog): void {
  describe(name, () => {
    const subject = new LogUnderTest();
    beforeEach(() => subject.create(create));
    describe("order", () => orderContract(subject));
    describe("subscribers", () => subscriberContract(subject));
    describe("reads", () => readContract(subject));
    describe("retention", () => retentionContract(subject));
    describe("gaps", () => gapContract(subject));
    describe("changed retention", () => changedRetentionContract(subject));
    describe("idempotency keys", () => keyContract(subject));

    test("two logs have different epochs", async () => {
      const other = await create(retentionOf);
      cleanup(() => other.close());
      expect(other.epoch).not.toBe(subject.log.epoch);
      expect(subject.log.epoch).toMatch(/^[0-9a-z]{1,32}$/);
    });

    test("a log with subscribers and publications can be closed", async () => {
      const other = await create(retentionOf);
      other.subscribe("a", () => {});
      await other.append({ room: "a", event: "message", data: { kind: "text", text: "x" } });
      expect(await other.close()).toBeUndefined();
    });
  });
}
