// Columns for the resume storm.
import type { ResumeResult } from "../../results.ts";
import { digits, mebibytes, share, whole } from "../words.ts";
import type { Column, Layout } from "./layout.ts";

const seconds: Column<ResumeResult> = {
  title: "all caught up, s",
  value: (result) => result.seconds,
  show: digits,
  bound: true,
};

export const resume: Layout<ResumeResult> = {
  columns: [
    { title: "recovered", value: (result) => result.recovered, show: share },
    seconds,
    { title: "session p50 ms", value: (result) => result.latency.p50, show: digits, bound: true },
    { title: "session p99 ms", value: (result) => result.latency.p99, show: digits, bound: true },
    { title: "sessions", value: (result) => result.sessions, show: whole },
    { title: "missed per session", value: (result) => result.missed, show: whole },
    { title: "RSS MiB", value: (result) => result.rss, show: mebibytes },
  ],
  ratios: [{ title: "time", column: seconds }],
};
