// Columns for a fixed-rate scenario.
import type { FanoutResult } from "../../results.ts";
import { micros, share } from "../words.ts";
import { costs, deliveries, latency, type Layout } from "./layout.ts";

const window = (result: FanoutResult) => result.window;
const perSecond = deliveries(window);
const p99 = latency(window, "p99");

export const fanout: Layout<FanoutResult> = {
  columns: [
    { title: "delivered", value: (result) => result.window.delivered, show: share },
    perSecond,
    latency(window, "p50"),
    p99,
    latency(window, "p999"),
    ...costs(window),
    { title: "syscalls/delivery", value: (result) => result.syscallsPerDelivery, show: micros },
  ],
  ratios: [
    { title: "rate", column: perSecond },
    { title: "p99", column: p99 },
  ],
};
