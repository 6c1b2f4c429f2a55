// Tests that the generator counts messages, streams, rooms and faults correctly.
import { describe, expect, test } from "bun:test";
import { FrameEncoder, RequestEncoder } from "../../bench/generator/encoder.ts";
import { roomsOf } from "../../bench/generator/members.ts";
import { latencyOf } from "../../bench/generator/message.ts";
import { Scanner } from "../../bench/generator/scanner.ts";
import { Streams } from "../../bench/generator/streams.ts";
import { Receiver, Tally } from "../../bench/generator/tally.ts";
import { clientHeaderSize } from "../../bench/generator/websocket.ts";
import { mergeHistograms } from "../../bench/runner/merge.ts";
import { encodeHistogram, microseconds } from "../../bench/generator/tally.ts";
import { HIGHEST_RUNG, findKnee, rateOf, rungOf } from "../../bench/runner/knee.ts";

const raw = { transport: "websocket", path: "/", publish: "{message}", verbatim: true } as const;
const DUE = 123_456_789.25;

/** The payloads of frames written by `FrameEncoder`. */
function payloads(size: number, count: number, publish = "{message}"): Buffer[] {
  const encoder = new FrameEncoder({ ...raw, publish }, "r", size);
  return Array.from({ length: count }, (_, seq) => {
    const frame = encoder.encode(0, seq, 1, DUE);
    const header = [6, 8, 14].find((each) => clientHeaderSize(frame.length - each) === each)!;
    return frame.subarray(header);
  });
}

function counting(size: number, verbatim = true) {
  const streams = new Streams();
  streams.add(0);
  const tally = new Tally(streams);
  tally.now = DUE + 5;
  tally.begin(DUE - 10, DUE + 10);
  const receiver = new Receiver(0);
  const scanner = new Scanner(tally, receiver, size, verbatim);
  const take = (bytes: Buffer) => scanner.scan(bytes, 0, bytes.length);
  return { tally, receiver, take };
}

describe("messages", () => {
  test.each([64, 100, 1024, 16_384])("are JSON of %d bytes, and are read back", (size) => {
    const { tally, take } = counting(size);
    for (const payload of payloads(size, 50)) {
      expect(payload.length).toBe(size);
      expect(JSON.parse(String(payload))).toHaveProperty("thump");
      expect(take(payload)).toBe(true);
    }
    tally.endRead();
    expect(tally.matched).toBe(50);
    expect(tally.latency.maxValue).toBeGreaterThanOrEqual(5_000 - 10);
    expect(tally.latency.maxValue).toBeLessThanOrEqual(5_000 + 10);
    expect(Object.values(tally.faults).every((count) => count === 0)).toBe(true);
  });

  test("are found in an envelope, several per frame, and split across frames", () => {
    const { tally, take } = counting(64, false);
    const all = Buffer.concat(payloads(64, 30, "MSG x {length}\r\n{message}\r\n"));
    for (let at = 0; at < all.length; at += 41) take(Buffer.from(all.subarray(at, at + 41)));
    expect(tally.deliveries).toBe(30);
    const quoted = counting(64, false);
    for (const payload of payloads(64, 3, '["{escaped}"]')) {
      expect(JSON.parse(JSON.parse(String(payload))[0])).toHaveProperty("thump");
      quoted.take(payload);
    }
    expect(quoted.tally.deliveries).toBe(3);
  });

  test("with a changed byte are counted as corrupted", () => {
    const [message] = payloads(200, 1);
    for (let at = 30; at < 198; at++) {
      const { tally, take } = counting(200);
      const changed = Buffer.from(message!);
      changed[at] = changed[at]! ^ 1;
      take(changed);
      expect(tally.deliveries).toBe(0);
      expect(tally.faults.corrupted).toBe(1);
    }
  });

  test("have due times that survive the wrap-around of their digits", () => {
    const span = 2 ** 36;
    expect(latencyOf(span - 1_000, (span + 1_000) / 1000)).toBeCloseTo(2, 3);
    expect(latencyOf(5_000, 7)).toBeCloseTo(2, 3);
  });

  test("in a batch request match its Content-Length", () => {
    const batch = { of: 3, before: "[", between: ",", after: "]" };
    const encoder = new RequestEncoder(
      { transport: "http", path: "/p", publish: '{"data":{message}}', batch },
      "r",
      64,
      1,
    );
    const text = String(
      encoder.encode(
        0,
        [0, 1, 2].map((seq) => ({ seq, due: DUE })),
      ),
    );
    const [head, body] = text.split("\r\n\r\n") as [string, string];
    expect(Number(/Content-Length: (\d+)/.exec(head)?.[1])).toBe(body.length);
    expect(JSON.parse(body)).toHaveLength(3);
  });
});

describe("faults", () => {
  const sequences: [string, number[], object][] = [
    ["in order", [0, 1, 2, 3], {}],
    ["one lost", [0, 1, 3], { lost: 1 }],
    ["one twice", [0, 1, 1, 2], { repeated: 1 }],
    ["two swapped", [0, 2, 1, 3], { disordered: 1 }],
    ["lost, then one late and again", [0, 3, 1, 1, 4], { lost: 1, disordered: 1, repeated: 1 }],
  ];
  test.each(sequences)("%s", (_, order, faults) => {
    const { tally, take } = counting(64);
    const all = payloads(64, 5);
    for (const seq of order) take(all[seq]!);
    const none = { lost: 0, repeated: 0, disordered: 0, corrupted: 0, foreign: 0, closed: 0, undelivered: 0 };
    expect(tally.faults).toEqual({ ...none, ...faults });
  });

  test("an announced gap does not count as a loss", () => {
    const { tally, receiver, take } = counting(64);
    const all = payloads(64, 5);
    take(all[0]!);
    receiver.announced = true;
    take(all[3]!);
    expect(tally.faults.lost).toBe(0);
    expect(receiver.missing).toBe(2);
    take(all[4]!);
    expect(tally.deliveries).toBe(3);
  });

  test("a message from another room and an own message are foreign", () => {
    const streams = new Streams();
    for (const room of [0, 1]) streams.add(room);
    const tally = new Tally(streams);
    tally.arrived(new Receiver(1), 0, 0, 0);
    const publisher = new Receiver(0);
    publisher.own = 0;
    tally.arrived(publisher, 0, 0, 0);
    tally.arrived(publisher, 7, 0, 0);
    expect(tally.faults.foreign).toBe(3);
    expect(tally.deliveries).toBe(0);
  });
});

test("streams take turns and continue where they stopped", () => {
  const streams = new Streams();
  for (const room of [0, 1, 0]) streams.add(room);
  expect(streams.plan(4, 0)).toEqual([2, 1, 1]);
  expect(streams.plan(4, 4)).toEqual([1, 2, 1]);
  expect(streams.next).toEqual([3, 3, 2]);
  expect(streams.ofRoom).toEqual([[0, 2], [1]]);
});

test("rooms are filled evenly, or by Zipf's law", () => {
  const even = roomsOf({ count: 10, rooms: 5 });
  expect(even.filter((room) => room === 3)).toHaveLength(2);
  const zipf = roomsOf({ count: 1_000, rooms: 100, zipf: 1 });
  const of = (room: number) => zipf.filter((each) => each === room).length;
  // 1 / (1 + 1/2 + … + 1/100) = 0.193
  expect(of(0)).toBeGreaterThan(185);
  expect(of(0)).toBeLessThan(200);
  expect(of(0) / of(9)).toBeGreaterThan(8);
  expect(zipf).toHaveLength(1_000);
});

test("histograms are merged, not averaged", () => {
  const [fast, slow] = [microseconds(), microseconds()];
  for (let count = 0; count < 990; count++) fast.recordValue(1_000);
  for (let count = 0; count < 110; count++) slow.recordValue(50_000);
  const merged = mergeHistograms([encodeHistogram(fast), "", encodeHistogram(slow)]);
  expect(merged.totalCount).toBe(1_100);
  expect(merged.getValueAtPercentile(89)).toBeLessThan(1_010);
  expect(merged.getValueAtPercentile(91)).toBeGreaterThan(49_000);
});

describe("the knee", () => {
  test("is found from any start, with and without a hint, in few attempts", async () => {
    for (let knee = 0; knee <= HIGHEST_RUNG; knee++)
      for (const [start, hint] of [
        [10, false],
        [knee, true],
        [Math.max(0, knee - 1), true],
        [40, false],
      ] as const) {
        let tries = 0;
        const found = await findKnee(start, hint, async (rung) => {
          tries++;
          return rung <= knee ? "good" : "bad";
        });
        expect(found).toEqual({ good: knee, bad: knee === HIGHEST_RUNG ? undefined : knee + 1 });
        expect(tries).toBeLessThanOrEqual(hint ? 4 : 18);
      }
  });

  test("is searched for once more, above a rate that was only late", async () => {
    const late = new Set([14, 15]);
    const tried: number[] = [];
    const found = await findKnee(10, false, async (rung) => {
      tried.push(rung);
      return rung > 22 ? "bad" : late.has(rung) ? "late" : "good";
    });
    expect(found).toEqual({ good: 22, bad: 23 });
    // If every higher rate is late too, the search makes one more attempt and finds the same knee.
    const outcomes: [number, number | undefined][] = [
      [0, undefined],
      [11, 12],
    ];
    for (const [from, bad] of outcomes) {
      const knee = await findKnee(10, false, async (rung) => (rung >= (bad ?? from) ? "late" : "good"));
      expect(knee).toEqual({ good: bad === undefined ? undefined : bad - 1, bad: bad ?? 0 });
    }
    expect(new Set(tried).size).toBe(tried.length);
  });

  test("is undefined if the lowest rate fails", async () => {
    expect(await findKnee(12, false, async () => "bad")).toEqual({ good: undefined, bad: 0 });
  });

  test("is searched for among ten rates per decade", () => {
    expect([0, 1, 10, 26].map(rateOf)).toEqual([10, 13, 100, 4000]);
    for (let rung = 0; rung <= HIGHEST_RUNG; rung++) expect(rungOf(rateOf(rung))).toBe(rung);
  });
});
