// Rule schemas: Standard Schemas from real libraries work, and schemas that would not validate anything are rejected.
import { expect, test } from "bun:test";
import { t as Elysia } from "elysia";
import { Type } from "typebox";
import * as v from "valibot";
import { z } from "zod";
import { schemaFault } from "../../src/rooms/message-schema.ts";
import { OptionsError } from "../../src/server/config/options.ts";
import { dataOf, problemOf, publishAt, stateOf } from "../support/answers.ts";
import { multiplexed } from "../support/clients.ts";
import { startServer } from "../support/server.ts";

type Issues = {
  issues?: { message: string; path?: (PropertyKey | { key: PropertyKey })[] }[];
  value?: unknown;
};
const standard = (validate: (value: unknown) => Issues | Promise<Issues>) => ({
  "~standard": { version: 1, vendor: "own", validate },
});

/** ArkType's schemas are functions with a Standard Schema property. */
const callable = Object.assign(
  () => {},
  standard((value) => {
    const text = (value as { text?: unknown } | null)?.text;
    return typeof text === "string"
      ? { value }
      : { issues: [{ message: "must be text", path: [{ key: "text" }] }] };
  }),
);

const SCHEMAS: Record<string, object> = {
  Zod: z.object({ text: z.string().transform((text) => text.length), more: z.string().default("more") }),
  Valibot: v.object({ text: v.pipe(v.string(), v.trim()), more: v.optional(v.string(), "more") }),
  "a function": callable,
  TypeBox: Type.Object({ text: Type.String() }),
  "JSON Schema": { type: "object", properties: { text: { type: "string" } }, required: ["text"] },
};

test.each(Object.entries(SCHEMAS))(
  "%s is validated on every route, and does not change the data",
  async (_, schema) => {
    const server = startServer({ rooms: { typed: { schema } } });
    const refused = await problemOf(server.publish("typed", '{"text":5}'));
    expect(refused).toMatchObject({ status: 422, code: "invalid" });
    expect(refused.errors).toMatchObject([{ path: "/text" }]);
    const mux = await multiplexed(server.socket("/ws"));
    const frame = { type: "publish", room: "typed", data: { text: 5 } };
    expect(await mux.ask(frame)).toMatchObject({
      type: "error",
      code: "invalid",
      errors: [{ path: "/text" }],
    });
    const body = JSON.stringify({ room: "typed", data: "text" });
    const batch = await fetch(`${server.url}/publish`, { method: "POST", body });
    expect(await batch.json()).toMatchObject({ results: [{ error: { code: "invalid" } }] });
    await expect(server.thump.publish("typed", { text: null })).rejects.toThrow("does not fit the schema");
    await publishAt(server, "typed", '{"text": " hi "}');
    expect(await mux.ask({ ...frame, data: { text: " hi " } })).toMatchObject({ type: "published" });
    expect(dataOf(await stateOf(server, "typed"))).toEqual([{ text: " hi " }, { text: " hi " }]);
    expect((await fetch(`${server.url}/rules?room=typed`)).status).toBe(200);
  },
);

test("the errors have paths into the data, number at most ten, and are short", async () => {
  const issues = Array.from({ length: 20 }, (_, i) => ({
    message: "x".repeat(1000),
    path: ["a/b", { key: i }, "~"],
  }));
  const server = startServer({ rooms: { r: { schema: standard(() => ({ issues })) } } });
  const { errors = [] } = await problemOf(server.publish("r", "1"));
  expect(errors.length).toBe(10);
  expect(errors[1]).toEqual({ path: "/a~1b/1/~0", message: "x".repeat(200) });
  const rule = (await (await fetch(`${server.url}/rules?room=r`)).json()) as { rule: unknown };
  expect(rule.rule).toMatchObject({ schema: { standardSchema: "own" } });
});

test.each<[what: string, schema: object]>([
  ["a property", { properties: { type: { type: "string" } } }],
  ["a required property", { dependentRequired: { type: ["strng"] } }],
  ["a value", { enum: [{ type: "strng" }], const: { type: "strng" }, default: { type: "strng" } }],
  ["all types", { type: ["null", "boolean", "object", "array", "number", "integer", "string"] }],
  ["a type of TypeBox", Type.Object({ n: Type.Union([Type.BigInt(), Type.Number()]) })],
  ["a type of TypeBox before 1.0", Elysia.Object({ at: Elysia.Union([Elysia.Date(), Elysia.String()]) })],
])("%s named `type` is not a misspelled type", (_, schema) => {
  expect(schemaFault(schema)).toBeUndefined();
});

class Joi {
  validate = () => ({});
}

test.each<[what: string, schema: unknown, why: string]>([
  ["an instance of a class", new Joi(), "is not a schema that Thump recognizes"],
  ["an object without a keyword", { text: Type.String() }, "is not a schema that Thump recognizes"],
  ["a misspelled keyword", { tpye: "object" }, "is not a schema that Thump recognizes"],
  ["a function", () => true, "is not a schema that Thump recognizes"],
  ["a list", [Type.String()], "is not a schema that Thump recognizes"],
  ["a text", "string", "is not a schema that Thump recognizes"],
  ["null", null, "is not a schema that Thump recognizes"],
  ["a misspelled type", { type: "strng" }, 'has the type "strng"'],
  ["a misspelled type in a list of types", { type: ["null", "strng"] }, 'has the type "strng"'],
  [
    "a deeply nested misspelled type",
    { anyOf: [{ type: "object", properties: { a: { items: { type: "int" } } } }] },
    'has the type "int"',
  ],
  ["a Standard Schema of another version", { "~standard": { version: 2, validate: () => ({}) } }, "version"],
  ["the Standard Schema key without a schema", { "~standard": undefined }, "version"],
  ["a schema that is always asynchronous", v.objectAsync({ text: v.string() }), "validates asynchronously"],
  [
    "a schema that is asynchronous for strings",
    standard((value) => (value === "" ? Promise.resolve({}) : {})),
    "asynchronously",
  ],
])("%s is rejected at startup", (_, schema, why) => {
  const options = { rooms: { "chat:*": { schema: schema as object } } };
  expect(() => startServer(options)).toThrow(OptionsError);
  expect(() => startServer(options)).toThrow(`rooms › chat:* › schema`);
  expect(() => startServer(options)).toThrow(why);
});

test("a schema that becomes asynchronous only for otherwise valid data accepts nothing", async () => {
  const schema = z.object({ text: z.string().refine(async (text) => Promise.resolve(text !== "")) });
  const server = startServer({ rooms: { r: { schema } } });
  expect(await problemOf(server.publish("r", '{"text":5}'))).toMatchObject({ code: "invalid" });
  expect(await problemOf(server.publish("r", '{"text":"hi"}'))).toMatchObject({ code: "internal" });
  expect(dataOf(await stateOf(server, "r"))).toEqual([]);
});

test.each([[Type.Unknown()], [{}], [true], [{ $ref: "#/$defs/a", $defs: { a: {} } }], [Type.Unsafe({})]])(
  "%j is a valid schema, although it accepts everything",
  async (schema) => {
    const server = startServer({ rooms: { r: { schema } } });
    await publishAt(server, "r", "1");
  },
);
