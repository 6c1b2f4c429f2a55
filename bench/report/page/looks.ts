// The appearance of each server in the charts: color, dashes and marker, so that color is never the only distinction.
import type { Report } from "../../results.ts";

/** Thump and the base server have fixed looks; all other servers are numbered. */
export type Look = "thump" | "base" | number;

const MARKERS = ["square", "triangle", "circle", "diamond"];
const DASHES = ["2 3", "9 3 2 3", "5 3", ""];
/** Number of colors for other servers in the style sheet. */
const LOOKS = 8;

export function lookOf(report: Report, server: string): Look {
  const isBase = (name: string) => report.scenarios.some(({ base }) => base === name);
  if (server === "thump") return "thump";
  if (isBase(server)) return "base";
  const others = report.servers.map(({ name }) => name).filter((name) => name !== "thump" && !isBase(name));
  return Math.max(0, others.indexOf(server)) % LOOKS;
}

export function markerOf(look: Look): string {
  return look === "thump" ? "circle" : look === "base" ? "diamond" : (MARKERS[look % 4] ?? "circle");
}

/** Returns the lengths of dashes and gaps, in the format of SVG. */
export function dashOf(look: Look): string {
  return look === "thump" ? "" : look === "base" ? "8 4" : (DASHES[look % 4] ?? "");
}
