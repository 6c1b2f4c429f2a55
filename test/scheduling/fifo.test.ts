// The queue of what waits for a tick: order, and memory that is bounded while the queue is never empty.
import { expect, test } from "bun:test";
import { Fifo } from "../../src/scheduling/fifo.ts";

test("items leave in order, and an empty queue returns undefined", () => {
  const queue = new Fifo<number>();
  expect(queue.shift()).toBeUndefined();
  let pushed = 0;
  let shifted = 0;
  for (let round = 0; round < 500; round++) {
    for (let i = 0; i < round % 7; i++) queue.push(pushed++);
    for (let i = 0; i < round % 5 && queue.size > 0; i++) expect(queue.shift()).toBe(shifted++);
    expect(queue.size).toBe(pushed - shifted);
  }
  while (queue.size > 0) expect(queue.shift()).toBe(shifted++);
  expect(shifted).toBe(pushed);
});

test("a queue that is never empty does not keep the items that have left", () => {
  const queue = new Fifo<number>();
  for (let i = 0; i < 10; i++) queue.push(i);
  for (let i = 0; i < 100_000; i++) {
    queue.push(i);
    queue.shift();
    expect(queue.slots).toBeLessThanOrEqual(2 * queue.size + 64);
  }
  expect(queue.size).toBe(10);
});
