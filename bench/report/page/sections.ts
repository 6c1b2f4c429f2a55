// The sections of the page. A section appears only if its scenario was measured.
import type { Kind, Report, Result, ScenarioInfo } from "../../results.ts";
import { measuredTargets } from "../targets.ts";
import { count, kibibytes } from "../words.ts";
import { barPanel, type Scale } from "./bars.ts";
import { chartHtml } from "./chart-html.ts";
import { type Chart, latencyChart, slowCharts } from "./charts.ts";
import { dateOf, machineOf } from "./header.ts";
import { html, type Html } from "./html.ts";
import { attacksHtml, tableHtml } from "./table.ts";

const atKnee = (unit: string): Scale => ({
  value: (result: Result) => (result.kind === "knee" ? result.knee?.perSecond : undefined),
  show: count,
  unit,
  better: "more",
});

const perSession: Scale = {
  value: (result) => (result.kind === "idle" ? result.perSession : undefined),
  show: (bytes) => `${kibibytes(bytes)} KiB`,
  unit: "resident memory per session; shorter is better",
  better: "less",
};

function ofKind(report: Report, kind: Kind): ScenarioInfo[] {
  return report.scenarios.filter((scenario) => scenario.kind === kind);
}

function section(id: string, title: string, words: string, content: Html[]): Html {
  if (content.length === 0) return html``;
  return html`<section id="${id}">
    <h2>${title}</h2>
    <p class="lead">${words}</p>
    ${content}
  </section>`;
}

function panels(report: Report, scenarios: ScenarioInfo[], scale: Scale): Html[] {
  if (scenarios.length === 0) return [];
  return [html`<div class="panels">${scenarios.map((scenario) => barPanel(report, scenario, scale))}</div>`];
}

/** The fan-out sweeps, in the order in which they were measured. */
function sweeps(report: Report): ScenarioInfo[] {
  return ofKind(report, "knee").filter(({ subscribers }) => subscribers > 1);
}

/** Number of sweeps in the headline. The others are in a separate section. */
const HEADLINES = 2;

export function headline(report: Report): Html {
  const fanouts = sweeps(report).slice(0, HEADLINES);
  if (fanouts.length === 0) return html``;
  const caption = html`<p class="caption">
    Bars show medians. Thin lines show the minimum and maximum of the runs. ${machineOf(report)}, Bun
    ${report.machine.bun}, ${dateOf(report)}.
  </p>`;
  return section(
    "headline",
    "Throughput of one core",
    "Deliveries per second at the knee: the highest rate at which every client receives every message, in order, with a p99 within the limit.",
    [...panels(report, fanouts, atKnee("deliveries/s at the knee; longer is better")), caption],
  );
}

export function otherSweeps(report: Report): Html {
  const others = sweeps(report).slice(HEADLINES);
  const words = "The same measurement with other rooms, message sizes and numbers of clients.";
  return section(
    "sweeps",
    "Other loads",
    words,
    panels(report, others, atKnee("deliveries/s at the knee; longer is better")),
  );
}

const STATES = { met: "✓", missed: "✗", "not measured": "–" };

export function targets(report: Report): Html {
  const { outcomes, others } = measuredTargets(report);
  if (outcomes.length === 0) return html``;
  const rows = outcomes.map(
    ({ title, wanted, state, measured }) =>
      html`<tr class="${state.replace(" ", "-")}">
        <td>
          <span class="state"><span aria-hidden="true">${STATES[state]}</span> ${state}</span>
        </td>
        <th scope="row">${title}</th>
        <td>${wanted}</td>
        <td>${measured}</td>
      </tr>`,
  );
  const body = html`<div class="wide" role="region" tabindex="0" aria-label="Targets">
    <table class="words targets">
      <thead>
        <tr>
          <th scope="col">result</th>
          <th scope="col">target</th>
          <th scope="col">required</th>
          <th scope="col">measured</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
  const words = "The targets that Thump sets for itself, compared with the control in this run.";
  const rest = others === 0 ? "" : ` ${others} more: run bun bench --targets.`;
  return section("targets", "Targets", words + rest, [body]);
}

/** Adds a chart to the data that the script reads. */
function add(charts: Chart[], chart: Chart, withLegend = true): Html {
  charts.push(chart);
  return chartHtml(chart, charts.length - 1, withLegend);
}

export function latency(report: Report, charts: Chart[]): Html {
  const content = sweeps(report).map((scenario) => {
    const chart = latencyChart(report, scenario);
    return html`<article class="panel">
      <h3>${scenario.title}</h3>
      ${chart ? add(charts, chart) : undefined} ${tableHtml(report, scenario)}
    </article>`;
  });
  const words =
    "Rates rise step by step. A filled marker is a rate that passed. A cross is a rate at which messages were late or missing. Both axes are logarithmic. The table shows the figures at the knee.";
  return section("latency", "Latency against rate", words, content);
}

export function publishing(report: Report): Html {
  const own = ofKind(report, "knee").filter(({ subscribers }) => subscribers <= 1);
  return section("in", "Publishing", "One subscriber: the rate at which a server accepts publishes.", [
    ...panels(report, own, atKnee("publishes/s at the knee; longer is better")),
    ...own.map((scenario) => tableHtml(report, scenario)),
  ]);
}

export function memory(report: Report): Html {
  const own = ofKind(report, "idle");
  return section("memory", "Memory per session", "Idle sessions in one room.", [
    ...panels(report, own, perSession),
    ...own.map((scenario) => tableHtml(report, scenario)),
  ]);
}

export function slow(report: Report, charts: Chart[]): Html {
  const content = ofKind(report, "slow").map((scenario) => {
    const [latencies, sizes] = slowCharts(report, scenario);
    return html`<article class="panel">
      <h3>${scenario.title}</h3>
      <div class="pair">
        ${latencies ? add(charts, latencies) : undefined} ${sizes ? add(charts, sizes) : undefined}
      </div>
      ${tableHtml(report, scenario)}
    </article>`;
  });
  const words =
    "Some clients stop reading and resume later. This section shows the latency of the other clients, the server's memory, and whether the slow clients are notified of missed messages.";
  return section("slow", "Slow consumers", words, content);
}

const PLAIN: { kind: Kind; title: string; words: string }[] = [
  { kind: "fanout", title: "Fixed rate", words: "The same load for every server." },
  { kind: "join", title: "Join storm", words: "Many sessions join a room while messages flow." },
  {
    kind: "resume",
    title: "Resume storm",
    words: "Many sessions disconnect, miss messages, and reconnect at once.",
  },
  {
    kind: "hostile",
    title: "Attacks",
    words:
      "The p99 of honest sessions as a multiple of the p99 without an attack, the server's CPU time per request, and its responses.",
  },
];

/** Sections that contain only tables. */
export function tables(report: Report): Html[] {
  return PLAIN.map(({ kind, title, words }) =>
    section(
      kind,
      title,
      words,
      ofKind(report, kind).flatMap((scenario) => [
        tableHtml(report, scenario),
        attacksHtml(report, scenario),
      ]),
    ),
  );
}
