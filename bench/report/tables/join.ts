// Columns for the join storm.
import type { JoinResult } from "../../results.ts";
import { count, digits } from "../words.ts";
import { type Column, latency, type Layout } from "./layout.ts";

const seconds: Column<JoinResult> = {
  title: "all joined, s",
  value: (result) => result.seconds,
  show: digits,
};

export const join: Layout<JoinResult> = {
  columns: [
    seconds,
    { title: "joins/s", value: (result) => result.perSecond, show: count },
    { title: "join p50 ms", value: (result) => result.latency.p50, show: digits },
    { title: "join p99 ms", value: (result) => result.latency.p99, show: digits },
    latency((result) => result.before, "p99", "others' p99 before"),
    latency((result) => result.during, "p99", "during"),
  ],
  ratios: [{ title: "time", column: seconds }],
};
