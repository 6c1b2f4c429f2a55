// Figures for the attack scenario: the effect on honest sessions, the server's CPU time per request, and its responses.
import { ATTACKS, type AttackName, HANDSHAKES } from "../../attacker/attack.ts";
import type { AttackResult, HostileResult, Row } from "../../results.ts";
import { figure, resultsOf } from "../figures.ts";
import { mebibytes, times } from "../words.ts";
import { type Column, latency, type Layout } from "./layout.ts";

export const attackNames = Object.keys(ATTACKS) as AttackName[];

export function attackResultOf({ assaults }: HostileResult, attack: AttackName): AttackResult | undefined {
  return assaults.find(({ name }) => name === attack);
}

/** The p99 during an attack, divided by the p99 before or after all attacks, whichever is lower. */
export function harm(result: HostileResult, attack: AttackName): number | undefined {
  const during = attackResultOf(result, attack)?.window.latency.p99;
  return during && during / Math.min(result.before.latency.p99, result.after.latency.p99);
}

/** The server's CPU milliseconds per attack request, beyond its usage without an attack. */
export function cost(result: HostileResult, attack: AttackName): number | undefined {
  const assault = attackResultOf(result, attack);
  if (!assault || assault.perSecond <= 0) return undefined;
  return (Math.max(0, assault.window.server.cpu - result.before.server.cpu) / assault.perSecond) * 1000;
}

/** The largest harm in one run. */
export function worstHarm(result: HostileResult): number {
  return Math.max(...result.assaults.map(({ name }) => harm(result, name) ?? Infinity));
}

const medianOf = (row: Row | undefined, value: (result: HostileResult) => number | undefined) =>
  figure(resultsOf(row, "hostile"), value)?.median;

/**
 * Returns the largest excess of any attack except handshakes. The excess is the harm, or the harm divided by the base
 * server's harm from the same attack, whichever is lower.
 */
export function worstExcess(row: Row, base: Row | undefined): number | undefined {
  const excesses = attackNames
    .filter((attack) => !HANDSHAKES.has(attack))
    .map((attack) => {
      const own = medianOf(row, (result) => harm(result, attack));
      const other = medianOf(base, (result) => harm(result, attack));
      return own === undefined ? undefined : Math.min(own, other ? own / other : Infinity);
    })
    .filter((excess) => excess !== undefined);
  return excesses.length === 0 ? undefined : Math.max(...excesses);
}

/** Returns the highest CPU time per request among all attacks, in ms. */
export function worstCost(row: Row): number | undefined {
  const costs = attackNames
    .map((attack) => medianOf(row, (result) => cost(result, attack)))
    .filter((one) => one !== undefined);
  return costs.length === 0 ? undefined : Math.max(...costs);
}

const column = (
  title: string,
  value: Column<HostileResult>["value"],
  show: Column<HostileResult>["show"],
): Column<HostileResult> => ({ title, value, show });

export const hostile: Layout<HostileResult> = {
  columns: [
    latency((result) => result.before, "p99", "honest p99 ms before"),
    column("during the worst", worstHarm, times),
    latency((result) => result.after, "p99", "after"),
    column("RSS MiB before", (result) => result.rss.before, mebibytes),
    column("after", (result) => result.rss.after, mebibytes),
  ],
  ratios: [],
};
