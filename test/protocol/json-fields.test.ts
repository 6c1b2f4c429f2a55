// JSON fields and elements are found without parsing. They are the ones that JSON.parse finds, and keep their original
// text.
import { expect, test } from "bun:test";
import { ThumpError } from "../../src/index.ts";
import { JsonElements } from "../../src/protocol/json-elements.ts";
import { countValues, findFields, sourceOf } from "../../src/protocol/json-fields.ts";
import { parseEnvelope } from "../../src/protocol/parse-envelope.ts";
import { type Random, randomTest } from "../support/random.ts";

const NUMBERS = ["1285704473650888702", "1e400", "-0", "1.10", "0", "-1.5E-7", "12345678901234567890.1"];
const STRINGS = ['""', '"a"', '"\\u0061\\/\\n"', '"\\\\"', '"\\""', '"[{,:"', '"\\ud800"', '"é🐇\u2028"'];
const LONG = `"${'\\"x'.repeat(40)}\\\\"`;

function space(random: Random): string {
  return random.chance(3) ? random.pick([" ", "\n", "\r\n\t", "  "]) : "";
}

/** Random JSON text, formatted in a random style. */
function json(random: Random, depth: number): string {
  const inner = () => space(random) + json(random, depth - 1) + space(random);
  const many = <T>(one: () => T) => Array.from({ length: random.below(4) }, one);
  switch (random.below(depth > 0 ? 6 : 4)) {
    case 0:
      return random.pick(NUMBERS);
    case 1:
      return random.pick(STRINGS);
    case 2:
      return random.pick(["true", "false", "null", LONG]);
    case 3:
      return JSON.stringify(random.text(random.below(60)));
    case 4:
      return `[${many(inner).join() || space(random)}]`;
    default:
      return `{${many(() => `${random.pick(STRINGS)}${space(random)}:${inner()}`).join()}}`;
  }
}

const KEYS = [
  '"data"',
  '"room"',
  '"\\u0064ata"',
  '"type"',
  '"dat"',
  '"data2"',
  '"__proto__"',
  '"x\\"data\\":"',
];

randomTest("top-level fields are found as written; of a duplicate field, the last one", (random) => {
  for (let i = 0; i < 5000; i++) {
    const fields = Array.from({ length: random.below(6) }, () => ({
      key: random.pick(KEYS),
      source: json(random, 3),
    }));
    const text = `${space(random)}{${fields
      .map(
        ({ key, source }) =>
          `${space(random)}${key}${space(random)}:${space(random)}${source}${space(random)}`,
      )
      .join()}}${space(random)}`;
    for (const name of ["data", "room"]) {
      const expected = fields.findLast(({ key }) => (JSON.parse(key) as string) === name)?.source;
      const [span] = findFields(text, [name]).spans;
      expect(span && text.slice(span.start, span.end)).toBe(expected);
      if (expected === undefined) continue;
      expect(sourceOf(text, name)).toBe(expected);
      // Compare parsed values, because equal values may differ as text.
      const parsed = (JSON.parse(text) as Record<string, unknown>)[name];
      expect(JSON.stringify(JSON.parse(expected))).toBe(JSON.stringify(parsed));
    }
  }
});

randomTest("elements are found as written, however the bytes are split", (random) => {
  for (let i = 0; i < 2000; i++) {
    const sources = Array.from({ length: random.below(6) }, () => json(random, 3));
    const body = `${space(random)}[${sources.map((source) => `${space(random)}${source}${space(random)}`).join()}]${space(random)}`;
    const bytes = new TextEncoder().encode(body);
    const elements = new JsonElements(bytes, 10);
    while (elements.step(1 + random.below(30)));
    const found = elements.starts.map((start, at) =>
      new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(start, elements.ends[at])).trim(),
    );
    expect(elements.isArray).toBe(true);
    expect(found).toEqual(sources.map((source) => source.trim()));
  }
});

/** True if `run` throws an expected error. Rethrows any other error. */
function fails(run: () => unknown): boolean {
  try {
    run();
    return false;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof ThumpError) return true;
    throw error;
  }
}

randomTest("if the text is not valid JSON, at least one part of it is not valid JSON either", (random) => {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  for (let i = 0; i < 5000; i++) {
    const item = () => `{"room":"r","data":${json(random, 3)},"key":"${"k".repeat(1100)}"}`;
    const envelope = decoder.decode(random.mutate(encoder.encode(item())));
    const broken = fails(() => {
      const { source } = parseEnvelope(envelope);
      if (source !== undefined) JSON.parse(source);
    });
    expect([envelope, broken]).toEqual([envelope, fails(() => JSON.parse(envelope))]);
    const list = random.mutate(encoder.encode(`[${item()},7,${json(random, 2)}]`));
    const divided = fails(() => {
      const elements = new JsonElements(list, 1000);
      while (elements.step(50));
      for (const [at, start] of elements.starts.entries())
        JSON.parse(decoder.decode(list.subarray(start, elements.ends[at])));
    });
    expect([decoder.decode(list), divided]).toEqual([
      decoder.decode(list),
      fails(() => JSON.parse(decoder.decode(list))),
    ]);
  }
});

test("counting values and elements stops at a limit", () => {
  const many = `{"room":"r","x":[${"[],".repeat(1000)}1]}`;
  expect(findFields(many, ["data"], 100).others).toBeGreaterThan(100);
  expect(findFields(many, ["x"], 100).others).toBeLessThan(10);
  expect(countValues('["a","b,[","c"]', { start: 0, end: 15 }, 100)).toBe(4);
  const elements = new JsonElements(new TextEncoder().encode(`[${"1,".repeat(5000)}1]`), 10);
  while (elements.step(1000));
  expect(elements.starts).toHaveLength(11);
});

test("nesting is limited", () => {
  const deep = (levels: number) => `{"data":${"[".repeat(levels)}${"]".repeat(levels)}}`;
  expect(fails(() => findFields(deep(199), ["data"]))).toBe(false);
  expect(fails(() => findFields(deep(200), ["data"]))).toBe(true);
});
