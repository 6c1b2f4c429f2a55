// The columns of attacks: the p99 of the honest in peace, and how many times that it is during each attack.
import { ATTACKS, type AttackName } from "../../attacker/attack.ts";
import type { HostileResult } from "../../results.ts";
import { mebibytes, times } from "../words.ts";
import { type Column, latency, type Layout } from "./layout.ts";

/** The p99 during an attack as a multiple of the one in peace; the better of before and after is peace. */
export function harm({ before, after, assaults }: HostileResult, attack: AttackName): number | undefined {
  const during = assaults.find(({ name }) => name === attack)?.window.latency.p99;
  return during && during / Math.min(before.latency.p99, after.latency.p99);
}

/** The worst of them. */
export function worstHarm(result: HostileResult): number {
  return Math.max(...result.assaults.map(({ name }) => harm(result, name) ?? Infinity));
}

const columns = (Object.keys(ATTACKS) as AttackName[]).map((name): Column<HostileResult> => ({
  title: name,
  value: (result) => harm(result, name),
  show: times,
}));

export const hostile: Layout<HostileResult> = {
  columns: [
    latency((result) => result.before, "p99", "honest p99 ms before"),
    ...columns,
    latency((result) => result.after, "p99", "after"),
    { title: "RSS MiB before", value: (result) => result.rss.before, show: mebibytes },
    { title: "after", value: (result) => result.rss.after, show: mebibytes },
  ],
  ratios: [],
};
