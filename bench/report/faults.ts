// Sums and formats delivery faults.
import type { Faults, Result, Window } from "../results.ts";
import { some } from "./words.ts";

/** Faults that invalidate a row. */
const HARD = ["lost", "repeated", "disordered", "corrupted"] as const;
const SOFT = ["foreign", "closed", "undelivered"] as const;

/** The windows that a result's figures depend on. For a sweep, the windows at the knee and at lower rates. */
export function claimed(result: Result): Window[] {
  if (result.kind === "fanout") return [result.window];
  if (result.kind === "join") return [result.before, result.during];
  if (result.kind === "hostile")
    return [result.before, ...result.assaults.map(({ window }) => window), result.after];
  if (result.kind === "slow") return [result.before, result.during, result.after];
  if (result.kind !== "knee") return [];
  const { knee } = result;
  if (!knee) return result.windows.slice(0, 1);
  return [...result.windows.filter((window) => window.rate < knee.rate), knee];
}

function faultsOf(result: Result): Faults[] {
  const windows = claimed(result).map((window) => window.faults);
  return "faults" in result ? [...windows, result.faults] : windows;
}

function words(all: Faults[], names: readonly (keyof Faults)[]): string {
  return names
    .map((name) => [name, all.reduce((sum, faults) => sum + faults[name], 0)] as const)
    .filter(([, total]) => total > 0)
    .map(([name, total]) => some(total, name))
    .join(", ");
}

/** Formats faults that invalidate a row, such as "3 lost, 1 repeated"; empty if there are none. */
export function hardFaults(results: Result[]): string {
  return words(results.flatMap(faultsOf), HARD);
}

export function softFaults(results: Result[]): string {
  return words(results.flatMap(faultsOf), SOFT);
}

/** Formats faults at rates above the knee, which do not invalidate a row. */
export function faultsBeyond(results: Result[]): string {
  const beyond = results.flatMap((result) =>
    result.kind === "knee" && result.knee
      ? result.windows.filter((window) => window.rate > (result.knee?.rate ?? Infinity))
      : [],
  );
  return words(
    beyond.map((window) => window.faults),
    [...HARD, "closed"],
  );
}
