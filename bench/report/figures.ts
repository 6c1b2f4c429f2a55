// Combines the runs of a row: medians with their ranges, and merged latencies.
import type { Kind, Latency, Result, Row, Window } from "../results.ts";
import { latencyOf, mergeHistograms } from "../runner/merge.ts";
import { spread, type Spread } from "./statistics.ts";

export type Of<K extends Kind> = Extract<Result, { kind: K }>;

export interface Figure extends Spread {
  runs: number;
}

/** Returns a row's results of one kind. */
export function resultsOf<K extends Kind>(row: Row | undefined, kind: K): Of<K>[] {
  return (row?.results ?? []).filter((result): result is Of<K> => result.kind === kind);
}

/** Returns the median, minimum and maximum of a value over the runs; undefined if no run has the value. */
export function figure<R>(results: R[], value: (result: R) => number | undefined): Figure | undefined {
  const values = results.map(value).filter((one): one is number => one !== undefined && Number.isFinite(one));
  return values.length === 0 ? undefined : { ...spread(values), runs: values.length };
}

/** The latencies of several windows, from their merged histograms. */
export function merged(windows: Window[]): Latency | undefined {
  const all = mergeHistograms(windows.map(({ histogram }) => histogram));
  return all.totalCount === 0 ? undefined : latencyOf(all);
}
