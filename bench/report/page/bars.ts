// Horizontal bars, one per server, grouped by tier, best first.
import type { Report, Result, Row, ScenarioInfo } from "../../results.ts";
import { type Figure, figure } from "../figures.ts";
import { TIERS } from "../tables/model.ts";
import { judge, type Verdict } from "../verdict.ts";
import { times } from "../words.ts";
import { html, type Html } from "./html.ts";
import { lookOf } from "./looks.ts";

export interface Scale {
  /** The value of one run. */
  value(result: Result): number | undefined;
  show(value: number): string;
  /** "deliveries/s" */
  unit: string;
  /** Whether a longer or a shorter bar is better. The best comes first. */
  better: "more" | "less";
}

interface Bar {
  name: string;
  title: string;
  verdict: Verdict;
  figure: Figure | undefined;
}

function barsOf(report: Report, rows: Row[], { value, better }: Scale): Bar[] {
  const all = rows.map((row) => ({
    name: row.server,
    title: report.servers.find(({ name }) => name === row.server)?.title ?? row.server,
    verdict: judge(row),
    figure: figure(row.results, value),
  }));
  const sign = better === "more" ? -1 : 1;
  // Sound rows first, in order of merit; then other rows with a figure; then rows without one.
  const rank = ({ figure: own, verdict }: Bar) => (own ? (verdict.claims ? 0 : 1) : 2);
  const size = ({ figure: own }: Bar) => sign * (own?.median ?? 0);
  return all.toSorted((one, other) => rank(one) - rank(other) || size(one) - size(other));
}

const BADGES = { fault: "fault", "rig-bound": "rig-bound", incomplete: "incomplete", failed: "failed" };

/** Marks a row that is not sound, with the reason. */
export function badge({ state, why }: Verdict): Html | undefined {
  if (state === "sound" || state === "skipped") return undefined;
  return html`<span class="badge ${state}">${BADGES[state]}</span> <span class="why">${why}</span>`;
}

function barHtml(report: Report, bar: Bar, most: number, scale: Scale, base: Bar | undefined): Html {
  const { name, title, verdict, figure: own } = bar;
  const look = lookOf(report, name);
  if (!own)
    return html`<li class="bar none">
      <span class="who">${name} <small>${title}</small></span>
      <span class="reason">${verdict.state === "skipped" ? "skipped" : "failed"}: ${verdict.why}</span>
    </li>`;
  const part = (value: number) => `${Math.min(100, (value / most) * 100).toFixed(2)}%`;
  const comparable = base?.figure && base.verdict.claims && verdict.claims && base !== bar;
  const ratio = comparable && base.figure ? `${times(own.median / base.figure.median)} ${base.name}` : "";
  const range = own.runs > 1 ? `${scale.show(own.min)} to ${scale.show(own.max)}` : "one run";
  const atLeast = verdict.notes.some((note) => note.includes("at least")) ? "≥ " : "";
  return html`<li class="bar look-${look} ${verdict.claims ? "" : "void"}">
    <span class="who">${name} <small>${title}</small></span>
    <span class="track" title="${range}" aria-hidden="true"
      ><i style="width:${part(own.median)}"></i
      ><b style="left:${part(own.min)};width:${part(own.max - own.min)}"></b
    ></span>
    <span class="value"
      ><strong>${atLeast}${scale.show(own.median)}</strong> <span class="ratio">${ratio}</span></span
    >
    ${verdict.claims ? undefined : html`<span class="said">${badge(verdict)}</span>`}
  </li>`;
}

/** A panel of bars. */
export function barPanel(report: Report, scenario: ScenarioInfo, scale: Scale): Html {
  const rows = report.rows.filter((row) => row.scenario === scenario.name);
  const bars = barsOf(report, rows, scale);
  const base = bars.find(({ name }) => name === scenario.base);
  // Only sound rows set the scale, unless there are none.
  const sound = bars.filter(({ verdict }) => verdict.claims);
  const most = Math.max(1e-9, ...(sound.length > 0 ? sound : bars).map((bar) => bar.figure?.max ?? 0));
  const tierOf = (name: string) => report.servers.find((server) => server.name === name)?.tier ?? "live";
  const groups = (["live", "history"] as const).map((tier) => {
    const own = bars.filter(({ name }) => tierOf(name) === tier);
    if (own.length === 0) return html``;
    return html`<h4>${TIERS[tier]}</h4>
      <ul class="bars">
        ${own.map((bar) => barHtml(report, bar, most, scale, base))}
      </ul>`;
  });
  return html`<article class="panel">
    <h3>${scenario.title}</h3>
    <p class="unit">${scale.unit}</p>
    ${groups}
  </article>`;
}
