// Columns for a sweep. All figures are measured at the knee.
import type { KneeResult } from "../../results.ts";
import { count } from "../words.ts";
import { costs, deliveries, latency, type Layout } from "./layout.ts";

const knee = (result: KneeResult) => result.knee;
const perSecond = deliveries(knee);

export const kneeLayout: Layout<KneeResult> = {
  columns: [
    perSecond,
    { title: "messages/s", value: (result) => result.knee?.rate, show: count },
    latency(knee, "p50"),
    latency(knee, "p99"),
    latency(knee, "p999"),
    ...costs(knee),
  ],
  ratios: [{ title: "rate", column: perSecond }],
};
