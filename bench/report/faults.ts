// Says in words what went wrong in a row.
import type { Faults, Result } from "../jobs.ts";

const names: (keyof Faults)[] = ["lost", "repeated", "disordered", "foreign", "closed", "undelivered"];

function total(results: Result[], name: keyof Faults): number {
  return results.reduce((sum, result) => sum + result.faults[name], 0);
}

/** A message that was skipped, came twice or out of order: the row proves nothing. */
export function broken(results: Result[]): boolean {
  return (["lost", "repeated", "disordered"] as const).some((name) => total(results, name) > 0);
}

/** Messages were still on their way when waiting ended, so latencies are lower bounds. */
export function behind(results: Result[]): boolean {
  return total(results, "undelivered") > 0;
}

export function describeFaults(results: Result[]): string {
  const parts = names
    .map((name) => [name, total(results, name)] as const)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count.toLocaleString("en")} ${name}`);
  if (parts.length === 0) return "";
  const word = broken(results) ? "FAULT: " : behind(results) ? "BEHIND: " : "";
  return `${word}${parts.join(", ")}`;
}
