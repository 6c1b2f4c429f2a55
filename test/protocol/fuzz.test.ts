// Fuzz tests: for random and damaged input, every decoder either returns a result or throws a ThumpError.
import { expect } from "bun:test";
import { ThumpError } from "../../src/index.ts";
import { decodeCommand } from "../../src/protocol/commands.ts";
import { parseCursor } from "../../src/protocol/cursor.ts";
import { dataAsJson, dataFromText, dataFromValue } from "../../src/protocol/data.ts";
import { compilePattern } from "../../src/rooms/pattern.ts";
import { readPathNames } from "../../src/transports/http/path-names.ts";
import { readQuery, readRoom, readStart } from "../../src/transports/http/read-request.ts";
import { type Random, randomTest } from "../support/random.ts";

const ROUNDS = 20_000;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const VALID = [
  '{"type":"join","id":1,"room":"chat:42","after":"k3f9zq-1042","last":3,"max":1.5}',
  '{"type":"publish","id":2,"room":"chat:42","event":"message","data":{"a":[1,null]},"key":"b1","echo":true}',
  '{"type":"publish","room":"x","data":"AAH/","encoding":"base64"}',
  '{"type":"history","id":4,"room":"chat:42","last":50}',
  "k3f9zq-1042",
  "/rooms/chat%3A42?after=k3f9zq-1042&last=3&wait=1.5&max=2&echo=1&room=a&room=b",
  "/rooms/%F0%9F%90%87/members?match=chat:*&cursor=a&limit=9",
];

function damaged(random: Random): string {
  if (random.chance(4)) return decoder.decode(random.bytes(random.below(200)));
  if (random.chance(4)) return random.text(random.below(60));
  return decoder.decode(random.mutate(encoder.encode(random.pick(VALID))));
}

/** Runs the decoder on fuzzed input. Returns two counts: results, and errors with a code. */
function fuzz(random: Random, decode: (text: string) => unknown): { results: number; refused: number } {
  let [results, refused] = [0, 0];
  for (let i = 0; i < ROUNDS; i++) {
    const text = damaged(random);
    try {
      decode(text);
      results++;
    } catch (error) {
      if (!(error instanceof ThumpError)) {
        throw new Error(`${JSON.stringify(text)} threw ${String(error)}`, { cause: error });
      }
      refused++;
    }
  }
  return { results, refused };
}

randomTest("commands", (random) => {
  const { results, refused } = fuzz(random, decodeCommand);
  expect(results).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(100);
});

randomTest("cursors", (random) => {
  const { results, refused } = fuzz(random, parseCursor);
  expect(results).toBeGreaterThan(10);
  expect(refused).toBeGreaterThan(100);
});

randomTest("data from text and from base64: text is never rejected", (random) => {
  const decode = (text: string) => JSON.parse(dataAsJson(dataFromText(text).data)) as unknown;
  expect(fuzz(random, decode).refused).toBe(0);
  expect(fuzz(random, (text) => dataFromValue(text, "base64")).refused).toBeGreaterThan(100);
});

randomTest("request targets", (random) => {
  const decode = (text: string) => {
    const request = requestFor(text);
    if (!request) return;
    readRoom(readPathNames(request, random.chance(2) ? "//rooms/:room/members" : "//rooms/:room", false));
    readStart(request, readQuery(request));
  };
  const { results, refused } = fuzz(random, decode);
  expect(results).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(100);
});

randomTest("patterns of room names", (random) => {
  expect(fuzz(random, compilePattern).refused).toBe(0);
});

/** A request for a target; undefined if the URL is invalid. */
function requestFor(target: string): Request | undefined {
  try {
    return new Request(`http://localhost/${target}`);
  } catch {
    return undefined;
  }
}
