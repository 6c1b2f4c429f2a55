// Judges a row: whether its figures are valid, and which remarks readers need.
import type { Result, Row, Window } from "../results.ts";
import { claimed, faultsBeyond, hardFaults, softFaults } from "./faults.ts";
import { digits, firstLine, share, some, whole } from "./words.ts";

/** Above this share of its core, the generator may be the limit. */
export const RIG_BOUND = 0.9;
/** A window is disturbed if other processes use more than this number of cores. */
export const DISTURBED = 0.2;
const MIN_LATE_MS = 1;
const MAX_LATE_SHARE = 0.2;
const MIN_STALL_MS = 50;
const MIN_STALL_FACTOR = 10;

export type State = "sound" | "fault" | "rig-bound" | "incomplete" | "failed" | "skipped";

export interface Verdict {
  state: State;
  /** True if the figures may be compared with those of other rows. */
  claims: boolean;
  /** The reason why a row is not sound: "3 lost", "not installed: bun bench peers". Empty for a sound row. */
  why: string;
  /** Remarks for readers. */
  notes: string[];
}

/** The windows whose figures are shown. For a sweep, only the window at the knee. */
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
  const short = results.map(incomplete).find((text) => text !== "");
  if (short !== undefined) return ["incomplete", short];
  const busiest = Math.max(0, ...results.flatMap(shown).map((window) => window.rig.cpu));
  if (busiest > RIG_BOUND || results.some((result) => result.kind === "knee" && result.limit === "rig"))
    return ["rig-bound", "the generator was the limit, not the server"];
  return ["sound", ""];
}

/** Returns why a run did not deliver every message; empty if it did. */
function incomplete(result: Result): string {
  if (result.kind === "idle")
    return result.reached < result.sessions
      ? `reached ${whole(result.reached)} of ${whole(result.sessions)} sessions`
      : "";
  if (result.kind === "resume")
    return result.recovered < 1 ? `recovered ${share(result.recovered)} of the missed messages` : "";
  if (result.kind === "knee" && !result.knee) {
    const lowest = result.windows[0];
    const best = lowest
      ? ` at ${whole(lowest.rate)}/s ${share(lowest.delivered)} delivered, p99 ${digits(lowest.latency.p99)} ms`
      : "";
    return `no rate passed${best && `:${best}`}`;
  }
  const worst = shown(result).find((window) => window.delivered < 1 || window.faults.undelivered > 0);
  if (!worst) return "";
  const { undelivered } = worst.faults;
  const missing = undelivered > 0 ? `, ${some(undelivered, "undelivered")} after the grace period` : "";
  return `${share(worst.delivered)} delivered${missing}`;
}

function notesOf(row: Row, state: State): string[] {
  const { results } = row;
  const notes = [disturbed(results), late(results), stall(results), ended(results), silent(results)];
  const soft = state === "incomplete" ? "" : softFaults(results);
  const beyond = faultsBeyond(results);
  if (soft !== "") notes.push(soft);
  if (beyond !== "") notes.push(`beyond the knee: ${beyond}`);
  return notes.filter((note) => note !== "");
}

function disturbed(results: Result[]): string {
  const runs = results.filter((result) => shown(result).some((window) => window.others > DISTURBED)).length;
  return runs === 0 ? "" : `disturbed by other processes in ${runs} of ${results.length} runs`;
}

/** Late sending increases every latency, because latency is measured from the planned time. */
function late(results: Result[]): string {
  const worst = results
    .flatMap(shown)
    .filter(({ rig, latency }) => rig.lagP99 > MIN_LATE_MS && rig.lagP99 > MAX_LATE_SHARE * latency.p99)
    .map(({ rig }) => rig.lagP99);
  return worst.length === 0 ? "" : `the generator sent late: p99 up to ${digits(Math.max(...worst))} ms`;
}

/** Reports a single stall of the whole server, which percentiles hide. */
function stall(results: Result[]): string {
  const longest = Math.max(
    0,
    ...results
      .flatMap(shown)
      .map(({ latency }) => latency)
      .filter(({ p50, max }) => max > MIN_STALL_MS && max > MIN_STALL_FACTOR * p50)
      .map(({ max }) => max),
  );
  return longest === 0 ? "" : `stalled up to ${whole(longest)} ms`;
}

function ended(results: Result[]): string {
  return results.some((result) => result.kind === "knee" && result.limit === "sweep")
    ? "the highest rate of the sweep passed: the knee is at least this"
    : "";
}

/** Reports slow clients that missed messages without a gap notice. */
function silent(results: Result[]): string {
  const worst = results
    .filter((result) => result.kind === "slow")
    .map(({ stalled }) => stalled)
    .find(({ missing, announced, closed }) => missing > 0 && announced + closed === 0);
  return worst ? `slow clients missed ${some(worst.missing, "messages")} without a notice` : "";
}
