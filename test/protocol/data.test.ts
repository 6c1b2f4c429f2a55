// How text, values and bytes are interpreted as data, and the data's JSON form.
import { expect, test } from "bun:test";
import { dataAsJson, dataFromText, dataFromValue, sizeOfData } from "../../src/protocol/data.ts";
import { thrown } from "../support/errors.ts";
import { randomTest } from "../support/random.ts";

test.each(['{"a":1}', "[1,2]", '"text"', "0", "-1.5e3", "true", "false", "null", ' \n{"a": 1}\t'])(
  "text that parses as JSON is JSON, stored as written: %j",
  (text) => {
    expect(dataFromText(text)).toEqual({ data: { kind: "json", text }, value: JSON.parse(text) });
  },
);

test.each([
  "",
  " ",
  "hello",
  "{",
  "01",
  "NaN",
  "Infinity",
  "'a'",
  "+1",
  "truest",
  "\ufeff1",
  "\u00a01",
  "{a:1}",
])("any other text is a string: %j", (text) => {
  expect(dataFromText(text)).toEqual({ data: { kind: "text", text }, value: text });
});

test("three hundred opening brackets are not JSON, and so a string", () => {
  const text = "[".repeat(300);
  expect(dataFromText(text)).toEqual({ data: { kind: "text", text }, value: text });
});

test("numbers keep their digits as written", () => {
  const text = '{"a":12345678901234567890,"b":1.10,"c":1e400}';
  expect(dataAsJson(dataFromText(text).data)).toBe(text);
});

test("line breaks between tokens become spaces; those inside strings stay escaped", () => {
  const text = '{\r\n"a":\n"x\\ny"\r}';
  const line = dataAsJson(dataFromText(text).data);
  expect(line).not.toMatch(/[\r\n]/);
  expect(JSON.parse(line)).toEqual({ a: "x\ny" });
});

test("a string value is text, even if it looks like JSON", () => {
  expect(dataFromValue('{"a":1}').data).toEqual({ kind: "text", text: '{"a":1}' });
});

test("a missing value is null", () => {
  expect(dataFromValue(undefined).data).toEqual({ kind: "json", text: "null" });
});

test("a string with a lone surrogate is escaped so that UTF-8 preserves it", () => {
  const { data } = dataFromValue("a\ud800b");
  // Sent as text, the surrogate would be written verbatim to raw sockets and streams, and would arrive as U+FFFD.
  expect(data.kind).toBe("json");
  const overTheWire = new TextDecoder().decode(new TextEncoder().encode(dataAsJson(data)));
  expect(JSON.parse(overTheWire)).toBe("a\ud800b");
});

test("base64 is decoded to bytes, and encoded in an envelope", () => {
  const { data, value } = dataFromValue("AAH/", "base64");
  expect(data).toEqual({ kind: "binary", bytes: Uint8Array.of(0, 1, 255) });
  expect(value).toEqual(Uint8Array.of(0, 1, 255));
  expect(dataAsJson(data)).toBe('"AAH/"');
});

test.each(["A", "####", 7, null, undefined, {}])("%p is not base64", (value) => {
  const error = thrown(() => dataFromValue(value, "base64"));
  expect(error.code).toBe("invalid");
  expect(error.errors?.[0]?.path).toBe("/data");
});

test("a value that JSON cannot represent is rejected with a code", () => {
  expect(thrown(() => dataFromValue(() => 1)).code).toBe("invalid");
  expect(thrown(() => dataFromValue(10n)).code).toBe("invalid");
  const circle: { self?: unknown } = {};
  circle.self = circle;
  expect(thrown(() => dataFromValue(circle)).code).toBe("invalid");
});

test("sizes are in bytes of UTF-8", () => {
  expect(sizeOfData({ kind: "text", text: "é🐇" })).toBe(6);
  expect(sizeOfData({ kind: "json", text: '"é"' })).toBe(4);
  expect(sizeOfData({ kind: "binary", bytes: new Uint8Array(9) })).toBe(9);
});

randomTest("random text is unchanged after a round trip through JSON", (random) => {
  for (let i = 0; i < 3_000; i++) {
    const text = random.text(random.below(40));
    const { data, value } = dataFromText(text);
    const json = dataAsJson(data);
    expect(JSON.parse(json)).toEqual(value as string);
    expect(json).not.toMatch(/[\r\n]/);
  }
});
