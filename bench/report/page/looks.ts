// How a server looks in every chart: its colour, dashes and marker, so that colour is never the only sign.
import type { Report } from "../../results.ts";

/** Thump and what it is compared with look their own way; all others take a number. */
export type Look = "thump" | "base" | number;

const MARKERS = ["square", "triangle", "circle", "diamond"];
const DASHES = ["2 3", "9 3 2 3", "5 3", ""];
/** So many colours of others the page has. */
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

/** As SVG and canvas want it. */
export function dashOf(look: Look): string {
  return look === "thump" ? "" : look === "base" ? "8 4" : (DASHES[look % 4] ?? "");
}
