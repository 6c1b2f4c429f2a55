// Compares two results files and reports differences that exceed the noise. Pure functions.
import type { Machine, Report, Row, ScenarioInfo } from "../results.ts";
import { type Measured, measure, NOISE, type Noise } from "./compared.ts";
import type { Figure } from "./figures.ts";
import type { Spread } from "./statistics.ts";
import { judge } from "./verdict.ts";
import { times } from "./words.ts";

export interface Difference {
  scenario: string;
  server: string;
  figure: string;
  /** Medians; undefined if there is nothing to compare. */
  before?: number;
  after?: number;
  /** Minimum and maximum of the runs. */
  ranges?: { before: Spread; after: Spread };
  /** The new median divided by the old one. */
  ratio?: number;
  verdict: "slower" | "faster" | "same" | "no verdict";
  /** The verdict in words: "larger", "one run: no verdict", "fault now: 3 lost; it was sound before". */
  words: string;
  show(value: number): string;
}

/** If all of these are equal, figures are compared directly. Otherwise, only ratios are compared. */
const HARDWARE = ["cpu", "cores", "memoryGiB", "kernel", "congestion"] as const;

export function sameMachine(a: Machine, b: Machine): boolean {
  return HARDWARE.every((name) => a[name] === b[name]);
}

export function anySlower(differences: Difference[]): boolean {
  return differences.some(({ verdict }) => verdict === "slower");
}

/**
 * Compares every figure of every row that both reports contain. A row that is not sound, or that only one report
 * contains, gets a remark instead.
 */
export function compare(a: Report, b: Report, noise: Noise = NOISE): Difference[] {
  const relative = !sameMachine(a.machine, b.machine);
  const names = [...new Set([...b.scenarios, ...a.scenarios].map(({ name }) => name))];
  return names.flatMap((name) => {
    const [before, after] = [a, b].map((report) => report.scenarios.find((one) => one.name === name));
    const info = after ?? before;
    if (!info || (before && after && changed(before, after)))
      return [remark(name, "all", "the scenario has changed")];
    const servers = new Set(
      [...b.rows, ...a.rows].filter((row) => row.scenario === name).map((row) => row.server),
    );
    return [...servers]
      .filter((server) => !relative || server !== info.base)
      .flatMap((server) => compareRows(a, b, info, server, relative, noise));
  });
}

function changed(a: ScenarioInfo, b: ScenarioInfo): boolean {
  return (["kind", "subscribers", "size", "base"] as const).some((name) => a[name] !== b[name]);
}

function remark(scenario: string, server: string, words: string, worse = false): Difference {
  const verdict = worse ? "slower" : "no verdict";
  return { scenario, server, figure: "–", verdict, words, show: String };
}

function compareRows(
  a: Report,
  b: Report,
  info: ScenarioInfo,
  server: string,
  relative: boolean,
  noise: Noise,
): Difference[] {
  const find = (report: Report, name: string) =>
    report.rows.find((row) => row.scenario === info.name && row.server === name);
  const [before, after] = [find(a, server), find(b, server)];
  if (!before || !after) return [remark(info.name, server, `only in the ${after ? "new" : "old"} file`)];
  if (before.skipped !== undefined && after.skipped !== undefined) return [];
  const unsound = soundness(info.name, before, after);
  if (unsound) return [unsound];
  if (!relative)
    return measure(info.kind, [before, after]).map((one) =>
      differ(info.name, server, one, one.values, noise),
    );
  const [baseBefore, baseAfter] = [find(a, info.base), find(b, info.base)];
  if (!baseBefore || !baseAfter || !judge(baseBefore).claims || !judge(baseAfter).claims)
    return [remark(info.name, server, `no sound ${info.base} in both files`)];
  return measure(info.kind, [before, after, baseBefore, baseAfter]).map((one) => {
    const [old, now, oldBase, nowBase] = one.values;
    const ratios = [divide(old, oldBase), divide(now, nowBase)];
    const figure = { ...one.figure, name: `${one.figure.name} vs ${info.base}`, show: times };
    return differ(info.name, server, { ...one, figure }, ratios, noise);
  });
}

/** Returns a remark if either row is not sound. A row that was sound before and has now failed counts as slower. */
function soundness(scenario: string, before: Row, after: Row): Difference | undefined {
  const [old, now] = [judge(before), judge(after)];
  if (old.claims && now.claims) return undefined;
  const worse = old.claims && ["fault", "incomplete", "failed"].includes(now.state);
  const words = now.claims ? `${old.state} before: ${old.why}` : `${now.state} now: ${now.why}`;
  return remark(scenario, after.server, worse ? `${words}; it was sound before` : words, worse);
}

/** Divides two figures. The range covers every pair of runs. */
function divide(own: Figure | undefined, base: Figure | undefined): Figure | undefined {
  if (!own || !base || base.min <= 0) return undefined;
  const [median, min, max] = [own.median / base.median, own.min / base.max, own.max / base.min];
  return { median, min, max, runs: Math.min(own.runs, base.runs) };
}

function differ(
  scenario: string,
  server: string,
  { figure }: Measured,
  values: Measured["values"],
  noise: Noise,
): Difference {
  const [old, now] = values;
  const { name, show } = figure;
  const line = { scenario, server, figure: name, show };
  if (!old || !now || old.median <= 0) return { ...line, verdict: "no verdict", words: "not in both files" };
  const ratio = now.median / old.median;
  const both = { ...line, before: old.median, after: now.median, ranges: { before: old, after: now }, ratio };
  if (Math.min(old.runs, now.runs) < 2)
    return { ...both, verdict: "no verdict", words: "one run: no verdict" };
  const apart = now.min > old.max || now.max < old.min;
  if (!apart || Math.abs(ratio - 1) <= noise[figure.noise])
    return { ...both, verdict: "same", words: "same" };
  const more = ratio > 1;
  const verdict = more === (figure.better === "more") ? "faster" : "slower";
  const words = figure.size ? (more ? "larger" : "smaller") : verdict;
  return { ...both, verdict, words };
}
