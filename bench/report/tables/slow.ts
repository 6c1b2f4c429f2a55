// Columns for the slow-consumer scenario: other clients' latency, the server's memory, and the slow clients' losses.
import type { SlowResult } from "../../results.ts";
import { mebibytes, whole } from "../words.ts";
import { type Column, latency, type Layout } from "./layout.ts";

const during: Column<SlowResult> = latency((result) => result.during, "p99", "during");

export const slow: Layout<SlowResult> = {
  columns: [
    latency((result) => result.before, "p99", "others' p99 before"),
    during,
    latency((result) => result.after, "p99", "after"),
    { title: "RSS MiB before", value: (result) => result.rss.before, show: mebibytes },
    { title: "peak", value: (result) => result.rss.most, show: mebibytes },
    { title: "after", value: (result) => result.rss.after, show: mebibytes },
    { title: "slow clients", value: (result) => result.stalled.sessions, show: whole },
    { title: "missing", value: (result) => result.stalled.missing, show: whole },
    { title: "notified", value: (result) => result.stalled.announced, show: whole },
    { title: "closed", value: (result) => result.stalled.closed, show: whole },
  ],
  ratios: [{ title: "p99 during", column: during }],
};
