// The pure parts of the client: backoff, cursor tracker, outbox, members, stream parser.
import { describe, expect, test } from "bun:test";
import { newBackoff } from "../../src/client/backoff.ts";
import { ThumpError } from "../../src/client/client-errors.ts";
import { Outbox } from "../../src/client/outbox.ts";
import { dataReader } from "../../src/client/event-stream-parser.ts";
import { applyPresence, NO_MEMBERS, type Presence } from "../../src/client/room-members.ts";
import { parsePosition, type CursorPosition, CursorTracker } from "../../src/client/cursor-tracker.ts";
import { encodeOwnEvent } from "../../src/protocol/event-stream.ts";
import { multiplexedStream } from "../../src/protocol/formats.ts";
import { randomTest } from "../support/random.ts";

test("backoff: a random delay below a bound that doubles up to a maximum", () => {
  const most = newBackoff(100, 1000, () => 1);
  expect(Array.from({ length: 6 }, () => most.next())).toEqual([100, 200, 400, 800, 1000, 1000]);
  most.reset();
  expect(most.next()).toBe(100);
  const half = newBackoff(100, 1000, () => 0.5);
  expect([half.next(), half.next()]).toEqual([50, 100]);
  expect(newBackoff(100, 1000, () => 0).next()).toBe(0);
});

const at = (seq: number, epoch = "e"): CursorPosition => ({ epoch, seq });

describe("a cursor tracker", () => {
  const joined = (after: number) => {
    const tracker = new CursorTracker();
    tracker.position = at(after);
    tracker.joined({ at: `e-${after}`, resumed: true, replay: 0 });
    return tracker;
  };

  test("accepts the next message, drops repeated ones, and detects missing ones", () => {
    const tracker = joined(5);
    expect(tracker.message(at(7), 5)).toBe("next");
    expect(tracker.message(at(7), 5)).toBe("repeat");
    expect(tracker.message(at(6), 4)).toBe("repeat");
    expect(tracker.message(at(12), 9)).toBe("missing");
    expect(tracker.after as string).toBe("e-7");
    // The requested messages arrive.
    expect(tracker.message(at(9), 7)).toBe("next");
    expect(tracker.message(at(12), 9)).toBe("next");
    expect(tracker.message(at(20), 15)).toBe("missing");
  });

  test("detects that a room skips messages: after a rejoin, the server continues without the missing ones", () => {
    const tracker = joined(5);
    expect([tracker.message(at(12), 9), tracker.message(at(12), 9), tracker.message(at(30), 20)]).toEqual([
      "missing",
      "next",
      "next",
    ]);
    expect(tracker.message(at(12), 9)).toBe("repeat");
  });

  test("without a position it starts with the first message, and catches up until the announced replay is complete", () => {
    const tracker = new CursorTracker();
    tracker.joined({ at: "e-10", resumed: false, replay: 2 });
    expect([tracker.isCatchingUp, tracker.after]).toEqual([true, undefined]);
    tracker.message(at(3), 1);
    expect(tracker.isCatchingUp).toBe(true);
    tracker.message(at(4), 3);
    expect([tracker.isCatchingUp, tracker.after]).toEqual([false, "e-10"]);
    const now = new CursorTracker();
    now.joined({ at: "e-10", resumed: false, replay: 0 });
    expect([now.isCatchingUp, now.after]).toEqual([false, "e-10"]);
  });

  test("a gap moves the position; a gap before the position is ignored", () => {
    const tracker = joined(5);
    expect(tracker.gap("e-2", "e-4")).toBe(false);
    expect(tracker.gap("e-2", "e-8")).toBe(true);
    expect(tracker.after as string).toBe("e-8");
    expect(tracker.gap("e-8", "f-0")).toBe(true);
    expect(tracker.message(at(1, "f"), 0)).toBe("next");
    // The log lost its newest messages, so the gap starts at the client's own cursor.
    expect(tracker.gap("f-1", "f-0")).toBe(true);
    expect(tracker.message(at(1, "f"), 0)).toBe("next");
    expect(tracker.message(at(2, "g"), 0)).toBe("missing");
  });

  test("an invalid cursor parses to undefined", () => {
    expect([parsePosition("e-01"), parsePosition("e"), parsePosition(""), parsePosition(null)]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(parsePosition("k3f9zq-1042")).toEqual(at(1042, "k3f9zq"));
  });
});

describe("an outbox", () => {
  const entry = (body: string, answers: unknown[] = []) => ({
    body,
    bytes: body.length,
    resolve: (cursor: string) => answers.push(cursor),
    reject: (error: ThumpError) => answers.push(error.code),
  });

  test("is limited by count and by bytes", () => {
    const outbox = new Outbox({ count: 2, bytes: 10 });
    outbox.add(entry("aaaa"));
    expect(() => outbox.add(entry("bbbbbbb"))).toThrow(ThumpError);
    outbox.add(entry("cccc"));
    expect(() => outbox.add(entry(""))).toThrow(expect.objectContaining({ code: "queue-full" }));
    outbox.settle(outbox.next(1) as never, "e-1");
    outbox.add(entry("dddddd"));
  });

  test("sends unanswered entries again, in order, and settles each once", () => {
    const answers: unknown[] = [];
    const outbox = new Outbox();
    for (const body of ["a", "b", "c", "d"]) outbox.add(entry(body, answers));
    const [a, b, c] = [outbox.next(10), outbox.next(10), outbox.next(10)] as [never, never, never];
    outbox.settle(b, "e-1");
    outbox.rewind([c]);
    outbox.rewind([a]);
    expect([outbox.next(10)?.body, outbox.next(10)?.body, outbox.next(10)?.body, outbox.next(10)]).toEqual([
      "a",
      "c",
      "d",
      undefined,
    ]);
    outbox.clear(new ThumpError("closed", ""));
    expect(answers).toEqual(["e-1", "closed", "closed", "closed"]);
    expect(outbox.next(10)).toBeUndefined();
  });
});

describe("members", () => {
  const apply = (...frames: Parameters<typeof applyPresence>[1][]): Presence =>
    frames.reduce(applyPresence, NO_MEMBERS);
  const names = ({ list }: Presence) => list.map(({ user }) => user);

  test("a snapshot, and the changes after it", () => {
    const presence = apply(
      {
        users: 2,
        guests: 1,
        members: [{ user: "a" }, { user: "b" }],
      },
      { users: 2, guests: 0, joined: [{ user: "c", info: { name: "C" } }], left: ["b"] },
      { users: 2, guests: 3, joined: [{ user: "a", info: 1 }], left: [] },
    );
    expect(names(presence)).toEqual(["a", "c"]);
    expect(presence).toMatchObject({ users: 2, guests: 3 });
    expect(presence.list[0]).toEqual({ user: "a", info: 1 });
  });

  test("a large room lists no users; the next snapshot lists them again, and an empty frame clears all", () => {
    const large = apply(
      { users: 1, guests: 0, members: [{ user: "a" }] },
      { users: 500, guests: 2, more: true },
    );
    expect(large).toEqual({ users: 500, guests: 2, list: [] });
    const small = applyPresence(large, { users: 1, guests: 0, members: [{ user: "z" }] });
    expect(names(small)).toEqual(["z"]);
    expect(applyPresence(small, {})).toEqual(NO_MEMBERS);
  });
});

randomTest("the parser reads the server's output, split at any byte", (random) => {
  const texts = Array.from({ length: 30 }, () => random.text(random.below(20)));
  const written = texts.map((text, i) => {
    const data = { kind: "text", text } as const;
    const publication = { room: "r", event: "e", data, seq: i, prev: 0, time: 0, size: 0 };
    return multiplexedStream.message(publication, "x");
  });
  const stream = written.join(multiplexedStream.keepAlive("x-9")) + encodeOwnEvent("end", "{}");
  const read: { type: string; data: string }[] = [];
  const feed = dataReader((data) => read.push(JSON.parse(data) as { type: string; data: string }));
  for (let i = 0; i < stream.length;) {
    const end = i + 1 + random.below(9);
    feed(stream.slice(i, end));
    i = end;
  }
  expect(read.filter(({ type }) => type === "message").map(({ data }) => data)).toEqual(texts);
  expect(read.filter(({ type }) => type === "position")).toHaveLength(texts.length - 1);
});
