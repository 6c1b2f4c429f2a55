// Envelopes are valid JSON for all names and data, and are built once per publication.
import { expect, test } from "bun:test";
import { dataFromValue } from "../../src/protocol/data.ts";
import { envelope, gapEnvelope } from "../../src/protocol/envelope.ts";
import { json, ndjson, raw } from "../../src/protocol/formats.ts";
import { publication } from "../support/publications.ts";
import { randomTest } from "../support/random.ts";

test("an envelope has the room, event, data, position, predecessor and time", () => {
  const p = publication(9, { data: dataFromValue({ a: 1 }).data, prev: 4, time: 77, room: "a:b" });
  expect(JSON.parse(envelope(p, "epoch1"))).toEqual({
    type: "message",
    room: "a:b",
    event: "message",
    data: { a: 1 },
    at: "epoch1-9",
    prev: 4,
    time: 77,
  });
});

test("an envelope names the sender, if any, and nothing private", () => {
  const p = publication(1, { from: 'u"7', key: "secret key", except: "secret session" });
  const text = envelope(p, "e");
  expect(JSON.parse(text)).toMatchObject({ from: 'u"7' });
  expect(text).not.toContain("secret");
});

test("bytes become base64 with `encoding`; a string that looks like base64 has no `encoding`", () => {
  const bytes = publication(1, { data: { kind: "binary", bytes: Uint8Array.of(1, 2, 3) } });
  expect(JSON.parse(envelope(bytes, "e"))).toMatchObject({ data: "AQID", encoding: "base64" });
  const text = publication(2, { data: { kind: "text", text: "AQID" } });
  expect(JSON.parse(envelope(text, "e"))).not.toHaveProperty("encoding");
});

test("all formats of one publication share one envelope", () => {
  const p = publication(1);
  const made = envelope(p, "e");
  p.envelope = made.replace("data 1", "kept");
  expect(json.message(p, "e")).toContain("kept");
  expect(ndjson.message(p, "e")).toContain("kept");
});

test("the raw format is the data itself", () => {
  const bytes = Uint8Array.of(0, 255);
  expect(raw.message(publication(1, { data: { kind: "text", text: "a\nb" } }), "e")).toBe("a\nb");
  expect(raw.message(publication(2, { data: { kind: "binary", bytes } }), "e")).toBe(bytes);
});

test("a gap notice has the requested position and the position after the gap", () => {
  const gap = { room: 'r"', after: "old-3", at: "e-9" };
  expect(JSON.parse(gapEnvelope(gap))).toEqual({ type: "gap", ...gap });
});

randomTest("random names and data give one line of valid JSON", (random) => {
  for (let i = 0; i < 2_000; i++) {
    const [room, event, text] = [random.text(8), random.text(8), random.text(30)];
    const p = publication(i, { room, event, data: dataFromValue(text).data });
    const line = ndjson.message(p, "e");
    expect(line.indexOf("\n")).toBe(line.length - 1);
    expect(JSON.parse(line)).toMatchObject({ room, event, data: text });
  }
});
