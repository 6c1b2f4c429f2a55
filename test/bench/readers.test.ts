// The generator's readers return the same frames, events and responses however the bytes are split.
import { describe, expect, test } from "bun:test";
import { AnswerReader } from "../../bench/generator/answers.ts";
import { ChunkedReader } from "../../bench/generator/chunked.ts";
import { EventStreamReader } from "../../bench/generator/event-stream.ts";
import type { Listener, Reader } from "../../bench/generator/reader.ts";
import { WebSocketReader } from "../../bench/generator/websocket.ts";

function listener() {
  const payloads: string[] = [];
  const replies: string[] = [];
  let foreign = 0;
  const self: Listener = {
    payload: (bytes, from, to) => void payloads.push(bytes.toString("utf8", from, to)),
    reply: (bytes) => void replies.push(Buffer.from(bytes).toString("hex")),
    foreign: () => void foreign++,
  };
  return { self, payloads, replies, foreign: () => foreign };
}

/** Feeds bytes in pieces of one size. As in the inbox, each piece overwrites the previous one in the buffer. */
function play(reader: Reader, bytes: Buffer, piece: number): void {
  const inbox = Buffer.alloc(bytes.length + 64, "#");
  for (let at = 0; at < bytes.length; at += piece) {
    const part = bytes.subarray(at, at + piece);
    inbox.fill("#");
    part.copy(inbox, 7);
    reader.read(inbox, 7, 7 + part.length);
  }
}

function serverFrame(text: string, kind = 0x81): Buffer {
  const payload = Buffer.from(text);
  const { length } = payload;
  const header =
    length < 126
      ? Buffer.from([kind, length])
      : length < 65_536
        ? Buffer.from([kind, 126, length >> 8, length & 255])
        : Buffer.from([kind, 127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255]);
  return Buffer.concat([header, payload]);
}

const pieces = [1, 2, 3, 5, 7, 64, 1000, 1 << 20];

describe("WebSocket frames", () => {
  const texts = ["", "a", "x".repeat(125), "y".repeat(126), "z".repeat(70_000), "end"];
  const bytes = Buffer.concat([...texts.map((text) => serverFrame(text)), serverFrame("hey", 0x89)]);
  test.each(pieces)("in pieces of %d bytes", (piece) => {
    const seen = listener();
    const reader = new WebSocketReader(seen.self);
    play(reader, bytes, piece);
    expect(seen.payloads).toEqual(texts);
    expect(reader.clean).toBe(true);
    // A ping is answered with a masked pong that carries the same payload (RFC 6455, section 5.5.3).
    expect(seen.replies).toEqual([`8a8300000000${Buffer.from("hey").toString("hex")}`]);
    expect(seen.foreign()).toBe(0);
  });

  test("a reserved opcode is foreign", () => {
    const seen = listener();
    new WebSocketReader(seen.self).read(serverFrame("", 0x83), 0, 2);
    expect(seen.foreign()).toBe(1);
  });
});

describe("event streams", () => {
  const text = [
    ": comment\n\n",
    "id: 1\ndata: first\n\n",
    "event: x\r\ndata:second\r\n\r\n",
    "data: two\ndata: lines\n\n",
    "id: only\n\n",
    `data: ${"long".repeat(100)}\n\n`,
  ].join("");
  const expected = ["first", "second", "two\nlines", "long".repeat(100)];

  test.each(pieces)("in pieces of %d bytes", (piece) => {
    const seen = listener();
    const reader = new EventStreamReader(seen.self, 5);
    play(reader, Buffer.from(text), piece);
    expect(seen.payloads).toEqual(expected);
    expect(reader.clean).toBe(true);
  });

  test.each(pieces)("in HTTP chunks, in pieces of %d bytes", (piece) => {
    const seen = listener();
    const reader = new ChunkedReader(new EventStreamReader(seen.self, 5));
    const half = text.length >> 1;
    const chunks = [text.slice(0, half), text.slice(half)].map(
      (part) => `${Buffer.byteLength(part).toString(16)};a=b\r\n${part}\r\n`,
    );
    play(reader, Buffer.from(chunks.join("")), piece);
    expect(seen.payloads).toEqual(expected);
    expect(reader.clean).toBe(true);
  });
});

describe("responses", () => {
  const bytes = Buffer.from(
    'HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\n{"a"}' +
      "HTTP/1.1 204 No Content\r\nA: b\r\n\r\n" +
      "HTTP/1.1 429 Too Many\r\ncontent-length:0\r\n\r\n",
  );
  test.each(pieces)("in pieces of %d bytes", (piece) => {
    const statuses: number[] = [];
    const reader = new AnswerReader((status) => void statuses.push(status));
    play(reader, bytes, piece);
    expect(statuses).toEqual([201, 204, 429]);
    expect(reader.clean).toBe(true);
  });
});
