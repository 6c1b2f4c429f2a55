// Describes the table for one kind of scenario: its columns, and which of them also show a ratio to the base server.
import type { Result, Window } from "../../results.ts";
import { count, digits, mebibytes, micros, percent } from "../words.ts";

export interface Column<R extends Result> {
  title: string;
  /** The value of one run. */
  value(result: R): number | undefined;
  show(value: number): string;
  /** If true, the value is shown as a lower bound when some messages were not delivered. */
  bound?: true;
}

export interface Layout<R extends Result> {
  columns: Column<R>[];
  /** Columns that are also shown as a multiple of the base server's value. */
  ratios: { title: string; column: Column<R> }[];
}

type Pick<R> = (result: R) => Window | undefined;
type Percentile = "p50" | "p99" | "p999";
const NAMES = { p50: "p50 ms", p99: "p99 ms", p999: "p99.9 ms" };

/** Computes a percentile for each run, so that one disturbed run out of three does not determine the median. */
export function latency<R extends Result>(pick: Pick<R>, name: Percentile, title = NAMES[name]): Column<R> {
  return {
    title,
    value: (result) => pick(result)?.latency[name],
    show: digits,
    bound: true,
  };
}

export function deliveries<R extends Result>(pick: Pick<R>, title = "deliveries/s"): Column<R> {
  return { title, value: (result) => pick(result)?.perSecond, show: count };
}

/** CPU usage in a window: the server, the generator and all other processes. */
export function costs<R extends Result>(pick: Pick<R>): Column<R>[] {
  return [
    { title: "µs/delivery", value: (result) => pick(result)?.server.microsPerDelivery, show: micros },
    { title: "CPU", value: (result) => pick(result)?.server.cpu, show: percent },
    { title: "RSS MiB", value: (result) => pick(result)?.server.rss, show: mebibytes },
    { title: "rig CPU", value: (result) => pick(result)?.rig.cpu, show: percent },
    { title: "other CPU", value: (result) => pick(result)?.others, show: percent },
  ];
}
