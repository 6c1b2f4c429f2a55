// What a row may claim, and what must be said beside it.
import type { Result, Row, Window } from "../results.ts";
import { claimed, faultsBeyond, hardFaults, softFaults } from "./faults.ts";
import { digits, firstLine, share, some, whole } from "./words.ts";

/** Over this share of its core, the generator may be the limit. */
export const RIG_BOUND = 0.9;
/** Over so many cores used by other processes, a window was disturbed. */
export const DISTURBED = 0.2;
const LATE_MS = 1;
const LATE_SHARE = 0.2;
const STALL_MS = 50;
const STALL_TIMES = 10;

export type State = "sound" | "fault" | "rig-bound" | "behind" | "failed" | "skipped";

export interface Verdict {
  state: State;
  /** Whether the figures may be compared with others'. */
  claims: boolean;
  /** Why not: "3 lost", "not installed: bun bench peers". Empty when it claims. */
  why: string;
  /** What a reader must know about the figures. */
  notes: string[];
}

/** The window whose figures are shown: of a sweep, the knee. */
function shown(result: Result): Window[] {
  return result.kind === "knee" ? (result.knee ? [result.knee] : []) : claimed(result);
}

export function judge(row: Row): Verdict {
  const [state, why] = stateOf(row);
  return { state, why, claims: state === "sound", notes: notesOf(row, state) };
}

function stateOf(row: Row): [State, string] {
  const { results } = row;
  if (row.skipped !== undefined) return ["skipped", firstLine(row.skipped)];
  if (row.problem !== undefined) return ["failed", firstLine(row.problem)];
  if (results.length === 0) return ["failed", "no result"];
  const faults = hardFaults(results);
  if (faults !== "") return ["fault", faults];
  const short = results.map(behind).find((text) => text !== "");
  if (short !== undefined) return ["behind", short];
  const busiest = Math.max(0, ...results.flatMap(shown).map((window) => window.rig.cpu));
  if (busiest > RIG_BOUND || results.some((result) => result.kind === "knee" && result.limit === "rig"))
    return ["rig-bound", "the generator was the limit, not the server"];
  return ["sound", ""];
}

/** Why a run fell short of delivering everything; empty when it did not. */
function behind(result: Result): string {
  if (result.kind === "idle")
    return result.reached < result.sessions
      ? `reached ${whole(result.reached)} of ${whole(result.sessions)} sessions`
      : "";
  if (result.kind === "resume")
    return result.recovered < 1 ? `recovered ${share(result.recovered)} of what was missed` : "";
  if (result.kind === "knee" && !result.knee) {
    const lowest = result.windows[0];
    const best = lowest
      ? ` at ${whole(lowest.rate)}/s ${share(lowest.delivered)} came, p99 ${digits(lowest.latency.p99)} ms`
      : "";
    return `no rate was carried within the bound${best && `:${best}`}`;
  }
  const worst = shown(result).find((window) => window.delivered < 1 || window.faults.undelivered > 0);
  if (!worst) return "";
  const { undelivered } = worst.faults;
  const missing = undelivered > 0 ? `, ${some(undelivered, "undelivered")} when waiting ended` : "";
  return `${share(worst.delivered)} delivered${missing}`;
}

function notesOf(row: Row, state: State): string[] {
  const { results } = row;
  const notes = [disturbed(results), late(results), stall(results), ended(results), silent(results)];
  const soft = state === "behind" ? "" : softFaults(results);
  const beyond = faultsBeyond(results);
  if (soft !== "") notes.push(soft);
  if (beyond !== "") notes.push(`beyond the knee: ${beyond}`);
  return notes.filter((note) => note !== "");
}

function disturbed(results: Result[]): string {
  const runs = results.filter((result) => shown(result).some((window) => window.others > DISTURBED)).length;
  return runs === 0 ? "" : `disturbed by other processes in ${runs} of ${results.length} runs`;
}

/** A generator that sends late adds to every latency, which counts from the planned time. */
function late(results: Result[]): string {
  const worst = results
    .flatMap(shown)
    .filter(({ rig, latency }) => rig.lagP99 > LATE_MS && rig.lagP99 > LATE_SHARE * latency.p99)
    .map(({ rig }) => rig.lagP99);
  return worst.length === 0 ? "" : `the generator sent late: p99 up to ${digits(Math.max(...worst))} ms`;
}

/** Who only looks at percentiles does not see that everything stood still once. */
function stall(results: Result[]): string {
  const longest = Math.max(
    0,
    ...results
      .flatMap(shown)
      .map(({ latency }) => latency)
      .filter(({ p50, max }) => max > STALL_MS && max > STALL_TIMES * p50)
      .map(({ max }) => max),
  );
  return longest === 0 ? "" : `stalled up to ${whole(longest)} ms`;
}

function ended(results: Result[]): string {
  return results.some((result) => result.kind === "knee" && result.limit === "sweep")
    ? "the sweep ended first: it carries at least this"
    : "";
}

/** Those who stopped reading missed messages, and nobody told them. */
function silent(results: Result[]): string {
  const worst = results
    .filter((result) => result.kind === "slow")
    .map(({ stalled }) => stalled)
    .find(({ missing, announced, closed }) => missing > 0 && announced + closed === 0);
  return worst ? `those who stopped missed ${some(worst.missing, "messages")} and were not told` : "";
}
