// The input of `thump publish`: lines are intact wherever chunks end, and the reader does not get too far ahead of the
// sender.
import { expect, test } from "bun:test";
import { lines } from "../../src/cli/publish/lines.ts";
import { Queue } from "../../src/cli/publish/queue.ts";
import { randomTest } from "../support/random.ts";

async function* chunks(parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

randomTest("lines are the same wherever the stream is split", async (random) => {
  for (let round = 0; round < 200; round++) {
    const text = random.text(random.below(80));
    const bytes = Buffer.from(text);
    const parts: Uint8Array[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = at + 1 + random.below(7);
      parts.push(bytes.subarray(at, end));
      at = end;
    }
    // A leading byte-order mark is not part of the text.
    const read = bytes.toString().replace(/^\ufeff/, "");
    const expected = read.split("\n").map((line) => line.replace(/\r$/, ""));
    // A line end at the end of the input does not start another line.
    if (read === "" || read.endsWith("\n")) expected.pop();
    const found = await Array.fromAsync(lines(chunks(parts)));
    expect(found.map((line) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(line))).toEqual(expected);
  }
});

test("a line without an end does not exhaust memory", async () => {
  let pulled = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      pulled++;
      yield new Uint8Array(1 << 20).fill(0x78);
    }
  }
  expect(await Array.fromAsync(lines(endless())).catch(String)).toContain("4194304");
  expect(pulled).toBeLessThan(10);
});

test("a push to a full queue waits until an item is taken", async () => {
  const queue = new Queue<number>(3);
  let pushed = 0;
  const filling = (async () => {
    for (let n = 0; n < 10; n++) {
      await queue.push(n);
      pushed++;
    }
    queue.end();
  })();
  expect(await queue.take(1)).toEqual([0]);
  await Bun.sleep(0);
  expect(pushed).toBeLessThanOrEqual(4);
  const taken = [0];
  for (let batch; (batch = await queue.take(2)).length > 0;) {
    expect(batch.length).toBeLessThanOrEqual(2);
    taken.push(...batch);
  }
  await filling;
  expect(taken).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("queued items are taken before the error that ended the queue is thrown", async () => {
  const queue = new Queue<number>(3);
  await queue.push(1);
  queue.end(new Error("broken"));
  expect(await queue.push(2)).toBe(false);
  expect(await queue.take(5)).toEqual([1]);
  expect(await queue.take(5).catch(String)).toBe("Error: broken");
});
