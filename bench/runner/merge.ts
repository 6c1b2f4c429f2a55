// Merges the results of the generator processes: histograms are merged, counts are added.
import { decodeFromCompressedBase64, type Histogram } from "hdr-histogram-js";
import type { Joined, WindowPart, WindowPlan } from "../commands.ts";
import { encodeHistogram, microseconds, millisecondsAt } from "../generator/tally.ts";
import type { Faults, Latency, Window } from "../results.ts";

export function mergeHistograms(encoded: readonly string[]): Histogram {
  const all = microseconds();
  for (const part of encoded) if (part !== "") all.add(decodeFromCompressedBase64(part, 32));
  return all;
}

/** Percentiles in ms of a histogram of microseconds. */
export function latencyOf(histogram: Histogram): Latency {
  const at = (percentile: number) => millisecondsAt(histogram, percentile);
  return { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: at(100) };
}

export function addFaults(all: readonly Faults[]): Faults {
  const sum: Faults = {
    lost: 0,
    repeated: 0,
    disordered: 0,
    corrupted: 0,
    foreign: 0,
    closed: 0,
    undelivered: 0,
  };
  for (const faults of all)
    for (const name of Object.keys(sum) as (keyof Faults)[]) sum[name] += faults[name];
  return sum;
}

export function mergeJoined(parts: readonly Joined[]): Joined & { seconds: number; merged: Latency } {
  const first = Math.min(...parts.map((part) => part.first));
  const last = Math.max(...parts.map((part) => part.last));
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const histogram = mergeHistograms(parts.map((part) => part.latency));
  const latency = encodeHistogram(histogram);
  return { first, last, count, latency, seconds: (last - first) / 1000, merged: latencyOf(histogram) };
}

/** Merges the results of all processes for one window. */
export function mergeWindow(plan: WindowPlan, parts: readonly WindowPart[]): Window {
  const sum = (value: (part: WindowPart) => number) => parts.reduce((total, part) => total + value(part), 0);
  const [first] = parts;
  if (!first) throw new Error("no generator process");
  const elapsed = Math.max(...parts.map((part) => part.elapsed));
  const deliveries = sum((part) => part.deliveries);
  const expected = sum((part) => part.expected);
  // The processes read the usage of the server and the machine at the same times, so the first result is enough.
  const { server, machine } = first.cpu;
  const rig = sum((part) => part.cpu.rig);
  const histogram = mergeHistograms(parts.map((part) => part.latency));
  const lag = mergeHistograms(parts.map((part) => part.lag));
  const passIntervals = mergeHistograms(parts.map((part) => part.passIntervals));
  const messages = plan.rate * plan.seconds;
  return {
    rate: plan.rate,
    seconds: plan.seconds,
    delivered: expected === 0 ? 0 : sum((part) => part.matched) / expected,
    perSecond: deliveries / elapsed,
    latency: latencyOf(histogram),
    histogram: encodeHistogram(histogram),
    faults: addFaults(parts.map((part) => part.faults)),
    server: {
      cpu: server / elapsed,
      microsPerDelivery: deliveries === 0 ? 0 : (server * 1e6) / deliveries,
      microsPerMessage: messages === 0 ? 0 : (server * 1e6) / messages,
      rss: Math.max(...parts.map((part) => part.rss)),
    },
    rig: {
      // The processes share a core, so their CPU times add up to its usage.
      cpu: rig / elapsed,
      lagP50: millisecondsAt(lag, 50),
      lagP99: millisecondsAt(lag, 99),
      lagMax: millisecondsAt(lag, 100),
      lookP99: millisecondsAt(passIntervals, 99),
    },
    others: Math.max(0, (machine - server - rig) / elapsed),
  };
}
