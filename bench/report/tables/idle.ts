// Columns for the idle scenario.
import type { IdleResult } from "../../results.ts";
import { digits, kibibytes, mebibytes, percent, whole } from "../words.ts";
import type { Column, Layout } from "./layout.ts";

const perSession: Column<IdleResult> = {
  title: "KiB/session",
  value: (result) => result.perSession,
  show: kibibytes,
};

export const idle: Layout<IdleResult> = {
  columns: [
    perSession,
    { title: "sessions", value: (result) => result.sessions, show: whole },
    { title: "empty MiB", value: (result) => result.rssEmpty, show: mebibytes },
    { title: "open MiB", value: (result) => result.rssOpen, show: mebibytes },
    { title: "idle CPU", value: (result) => result.cpu, show: percent },
    { title: "opened in s", value: (result) => result.opening, show: digits },
    { title: "reached", value: (result) => result.reached, show: whole },
  ],
  ratios: [{ title: "memory", column: perSession }],
};
