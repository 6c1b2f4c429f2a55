// The figures that are compared between two results files.
import type { Kind, KneeResult, Result, Row } from "../results.ts";
import { type Figure, figure, type Of, resultsOf } from "./figures.ts";
import { cost } from "./tables/hostile.ts";
import { count, digits, kibibytes, mebibytes, micros } from "./words.ts";

/**
 * Minimum relative difference between the medians. In addition, the ranges must not overlap. CPU and memory figures
 * vary less than times.
 */
export const NOISE = { time: 0.1, cost: 0.05 };
export type Noise = Readonly<typeof NOISE>;

export interface Compared<R extends Result> {
  name: string;
  value(result: R): number | undefined;
  noise: keyof typeof NOISE;
  better: "more" | "less";
  show(value: number): string;
  /** If true, the figure is a size, and the verdict is "larger" or "smaller" instead of "slower" or "faster". */
  size?: true;
}

type Pick<R, T> = (result: R) => T | undefined;

function time<R extends Result>(name: string, value: Pick<R, number>): Compared<R> {
  return { name, value, noise: "time", better: "less", show: digits };
}

function memory<R extends Result>(name: string, value: Pick<R, number>, show = mebibytes): Compared<R> {
  return { name, value, noise: "cost", better: "less", show, size: true };
}

function speed<R extends Result>(name: string, value: Pick<R, number>): Compared<R> {
  return { name, value, noise: "time", better: "more", show: count };
}

function cpu<R extends Result>(value: Pick<R, number>): Compared<R> {
  return { name: "µs/delivery", value, noise: "cost", better: "less", show: micros };
}

const figures: { [K in Kind]: Compared<Of<K>>[] } = {
  fanout: [
    speed("deliveries/s", (result) => result.window.perSecond),
    time("p99 ms", (result) => result.window.latency.p99),
    cpu((result) => result.window.server.microsPerDelivery),
    memory("RSS MiB", (result) => result.window.server.rss),
  ],
  knee: [
    speed("messages/s at the knee", (result) => result.knee?.rate),
    speed("deliveries/s at the knee", (result) => result.knee?.perSecond),
    cpu((result) => result.knee?.server.microsPerDelivery),
    memory("RSS MiB", (result) => result.knee?.server.rss),
  ],
  idle: [memory("KiB/session", (result) => result.perSession, kibibytes)],
  join: [
    time("seconds", (result) => result.seconds),
    time("others' p99 ms", (result) => result.during.latency.p99),
  ],
  resume: [time("seconds", (result) => result.seconds), memory("RSS MiB", (result) => result.rss)],
  slow: [
    time("others' p99 ms", (result) => result.during.latency.p99),
    memory("peak RSS MiB", (result) => result.rss.most),
  ],
  hostile: [
    time("worst p99 ms", ({ assaults }) => Math.max(...assaults.map(({ window }) => window.latency.p99))),
    time("worst CPU ms/request", (result) =>
      Math.max(...result.assaults.map(({ name }) => cost(result, name) ?? 0)),
    ),
  ],
};

function p99At(result: KneeResult, rate: number): number | undefined {
  return result.windows.find((window) => window.rate === rate)?.latency.p99;
}

/**
 * The highest rate that every run sustained. Latencies at different knees are not comparable, because the rates differ.
 */
function commonRate(rows: Row[]): number | undefined {
  const sweeps = rows.flatMap((row) => resultsOf(row, "knee"));
  const least = Math.min(...sweeps.map(({ knee }) => knee?.rate ?? 0));
  return sweeps[0]?.windows
    .map(({ rate }) => rate)
    .filter((rate) => rate <= least && sweeps.every((sweep) => p99At(sweep, rate) !== undefined))
    .toSorted((a, b) => b - a)[0];
}

export interface Measured {
  figure: Omit<Compared<Result>, "value">;
  /** One value per row, in the order of the rows. */
  values: (Figure | undefined)[];
}

/** Returns the figures to compare for rows of one scenario, with the value of each row. */
export function measure<K extends Kind>(kind: K, rows: Row[]): Measured[] {
  const of = (compared: Compared<Of<K>>): Measured => ({
    figure: compared,
    values: rows.map((row) => figure(resultsOf(row, kind), compared.value)),
  });
  const all = figures[kind].map(of);
  const rate = kind === "knee" ? commonRate(rows) : undefined;
  if (rate === undefined) return all;
  const latency = time(`p99 ms at ${count(rate)}/s`, (result: KneeResult) => p99At(result, rate));
  const values = rows.map((row) => figure(resultsOf(row, "knee"), latency.value));
  return [...all, { figure: latency, values }];
}
