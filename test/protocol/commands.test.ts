// Commands of the multiplexed socket: valid commands, and the error for each invalid one.
import { expect, test } from "bun:test";
import { BadFrame, decodeCommand, type PublishCommand } from "../../src/protocol/commands.ts";
import type { Data } from "../../src/protocol/data.ts";
import { thrown } from "../support/errors.ts";

test.each([
  { type: "join", room: "r" },
  { type: "join", id: 1, room: "r", after: "e-1", last: 3, max: 0.5 },
  { type: "leave", id: "x", room: "r" },
  { type: "history", room: "r", last: 0 },
  { type: "members", room: "r" },
  { type: "auth", token: "t" },
  { type: "ping" },
])("%j is a command", (command) => {
  expect(decodeCommand(JSON.stringify(command)) as object).toEqual(command);
});

test.each<[more: object, data: Data]>([
  [{}, { kind: "json", text: "null" }],
  [
    { id: 2, event: "e", data: { a: [null] }, key: "k", echo: true },
    { kind: "json", text: '{"a":[null]}' },
  ],
  [{ data: "text" }, { kind: "text", text: "text" }],
  [
    { data: "AQID", encoding: "base64" },
    { kind: "binary", bytes: Uint8Array.of(1, 2, 3) },
  ],
])("a publication with %j is parsed", (more, data) => {
  const { content, ...fields } = decodeCommand(
    JSON.stringify({ type: "publish", room: "r", ...more }),
  ) as PublishCommand;
  const { data: _, encoding: __, ...others } = more as { data?: unknown; encoding?: unknown };
  expect(fields as object).toEqual({ type: "publish", room: "r", ...others });
  expect(content.data(100)).toEqual(data);
});

test("unknown fields are ignored", () => {
  expect(decodeCommand('{"type":"join","room":"r","future":{"a":1},"__proto__":1}')).toMatchObject({
    room: "r",
  });
});

test.each(["", " ", "nonsense", "{", '{"type":"join"', "[]", "null", "1", '"join"', "{}{}"])(
  "%j is malformed",
  (text) => {
    const error = thrown(() => decodeCommand(text));
    expect(error).toBeInstanceOf(BadFrame);
    expect(error.code).toBe("malformed");
  },
);

test.each([
  "{}",
  '{"type":7}',
  '{"type":null}',
  '{"type":"subscribe"}',
  '{"type":"constructor"}',
  '{"type":"Join"}',
])("%s has no known type", (text) => {
  expect(thrown(() => decodeCommand(text)).code).toBe("unknown-type");
});

test.each([
  ['{"type":"join"}', "/room"],
  ['{"type":"join","room":7}', "/room"],
  ['{"type":"join","room":"r","last":-1}', "/last"],
  ['{"type":"join","room":"r","last":1.5}', "/last"],
  ['{"type":"join","room":"r","max":0}', "/max"],
  ['{"type":"join","room":"r","after":5}', "/after"],
  ['{"type":"publish","room":"r","echo":"yes"}', "/echo"],
  ['{"type":"publish","room":"r","encoding":"hex"}', "/encoding"],
  ['{"type":"publish","room":"r","event":null}', "/event"],
  ['{"type":"auth"}', "/token"],
])("%s is invalid at %s", (text, path) => {
  const error = thrown(() => decodeCommand(text));
  expect(error.code).toBe("invalid");
  expect(error.errors?.map((each) => each.path)).toContain(path);
});

test("the error has the frame's id if the id could be read", () => {
  const idOf = (text: string) => (thrown(() => decodeCommand(text)) as BadFrame).id;
  expect(idOf('{"type":"join","id":7}')).toBe(7);
  expect(idOf('{"type":"nope","id":"a"}')).toBe("a");
  expect(idOf('{"type":"join","id":{}}')).toBeUndefined();
  expect(idOf(`{"type":"nope","id":"${"a".repeat(65)}"}`)).toBeUndefined();
  expect(idOf("nonsense")).toBeUndefined();
});
