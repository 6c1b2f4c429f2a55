// Latency windows: quantiles of the values observed since the last reading.
import { expect, test } from "bun:test";
import { LatencyHistogram, LatencyWindow } from "../../src/hub/latency-histogram.ts";

test("a window without observations returns null", () => {
  expect(new LatencyWindow(new LatencyHistogram()).take(0.5, 0.99)).toEqual([null, null]);
});

test("the quantiles are within the buckets of the observations", () => {
  const latency = new LatencyHistogram();
  const window = new LatencyWindow(latency);
  for (let i = 0; i < 98; i++) latency.observe(0.1);
  for (let i = 0; i < 2; i++) latency.observe(50);
  const [p50 = 0, p98 = 0, p99 = 0, p100 = 0] = window.take(0.5, 0.98, 0.99, 1).map(Number);
  // Bucket bounds double: these are 64 to 128 µs and 32.8 to 65.5 ms.
  expect(p50).toBeWithin(0.064, 0.129);
  expect(p98).toBeWithin(p50, 0.129);
  expect(p99).toBeWithin(32.7, 65.6);
  expect(p100).toBeWithin(p99, 65.6);
});

test("each reading starts a new window", () => {
  const latency = new LatencyHistogram();
  latency.observe(1000);
  const window = new LatencyWindow(latency);
  latency.observe(0.001);
  expect(window.take(1)[0]).toBeLessThan(0.01);
  expect(window.take(1)).toEqual([null]);
  latency.observe(5);
  expect(window.take(1)[0]).toBeWithin(4, 8.2);
});

test("an observation above the last bound counts as at least that bound", () => {
  const latency = new LatencyHistogram();
  const window = new LatencyWindow(latency);
  latency.observe(60_000);
  expect(window.take(0.5)[0]).toBeWithin(4000, 8400);
});
