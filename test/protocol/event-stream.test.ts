// The event-stream encoder, checked with the decoder that EventSource clients use.
import { expect, test } from "bun:test";
import { createParser, type EventSourceMessage } from "eventsource-parser";
import type { Data } from "../../src/protocol/data.ts";
import {
  encodeEnvelopeEvent,
  encodeEvent,
  encodeGapEvent,
  encodeKeepAlive,
  encodePosition,
  encodeRetry,
} from "../../src/protocol/event-stream.ts";
import { publication } from "../support/publications.ts";
import { randomTest } from "../support/random.ts";

function decode(text: string): { events: EventSourceMessage[]; retries: number[]; comments: string[] } {
  const events: EventSourceMessage[] = [];
  const retries: number[] = [];
  const comments: string[] = [];
  const parser = createParser({
    onEvent: (event) => events.push(event),
    onRetry: (ms) => retries.push(ms),
    onComment: (comment) => comments.push(comment),
    onError: (error) => {
      throw error;
    },
  });
  parser.feed(text);
  return { events, retries, comments };
}

function decodeData(data: Data): string | undefined {
  return decode(encodeEvent(publication(1, { data }), "e")).events[0]?.data;
}

const text = (value: string): Data => ({ kind: "text", text: value });

test.each([
  "plain",
  "a\nb",
  "a\n\nb",
  "\n",
  "\na\n",
  "data: x",
  ": no comment",
  " leading",
  "id: 7\n\nevent: x",
  "",
])("text is decoded unchanged: %j", (value) => {
  expect(decodeData(text(value))).toBe(value);
});

test("CR, LF and CRLF all end a line: the client receives each as LF", () => {
  expect(decodeData(text("a\rb\r\nc\nd\r"))).toBe("a\nb\nc\nd\n");
});

test("JSON written on several lines arrives as the same JSON", () => {
  const value = '{\r\n  "a": [1,\r 2]\n}';
  expect(JSON.parse(decodeData({ kind: "json", text: value }) ?? "")).toEqual({ a: [1, 2] });
});

test("bytes are sent as an object that names their encoding", () => {
  const data = decodeData({ kind: "binary", bytes: Uint8Array.of(0, 255, 10) });
  expect(JSON.parse(data ?? "")).toEqual({ encoding: "base64", data: "AP8K" });
});

test("an event has its name and its cursor; a plain message has no name", () => {
  const named = encodeEvent(publication(12, { event: "tick er" }), "k3f9zq");
  expect(decode(named).events).toEqual([{ event: "tick er", id: "k3f9zq-12", data: "data 12" }]);
  expect(decode(encodeEvent(publication(1), "e")).events[0]?.event).toBeUndefined();
});

test("a stream of several rooms carries envelopes, always as plain messages", () => {
  const [event] = decode(encodeEnvelopeEvent(publication(3, { room: "a", event: "tick" }), "e")).events;
  expect(event?.event).toBeUndefined();
  expect(event?.id).toBe("e-3");
  expect(JSON.parse(event?.data ?? "")).toMatchObject({
    room: "a",
    event: "tick",
    data: "data 3",
    at: "e-3",
  });
});

test("a gap notice has a reserved event name and no id", () => {
  const [event] = decode(encodeGapEvent({ room: "r", after: "x-1", at: "e-5" })).events;
  expect(event?.event).toBe("thump:gap");
  expect(event?.id).toBeUndefined();
  expect(JSON.parse(event?.data ?? "")).toEqual({ type: "gap", room: "r", after: "x-1", at: "e-5" });
});

test("positions, keep-alives and retries fire no event", () => {
  const { events, retries, comments } = decode(
    encodePosition("e-1") + encodeKeepAlive("e-2") + encodeRetry(1500),
  );
  expect(events).toEqual([]);
  expect(retries).toEqual([1500]);
  expect(comments).toEqual([""]);
});

randomTest("random publications are decoded one by one and unchanged", (random) => {
  const sent = Array.from({ length: 1_000 }, (_, i) => {
    // Event names cannot contain NUL; data can.
    const event = random.chance(2) ? "message" : `e${random.below(5)}`;
    return publication(i + 1, { event, data: text(random.text(random.below(20))) });
  });
  const { events } = decode(sent.map((p) => encodeEvent(p, "e")).join(""));
  const expected = sent.map((p) => ({
    event: p.event === "message" ? undefined : p.event,
    id: `e-${p.seq}`,
    data: p.data.kind === "binary" ? "" : p.data.text.replace(/\r\n?/g, "\n"),
  }));
  expect(events).toEqual(expected);
});
