// The parts of the page, each there only when it was measured.
import type { Kind, Report, Result, ScenarioInfo } from "../../results.ts";
import { asked } from "../targets.ts";
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
  unit: "resident memory a session; shorter is better",
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

/** Sweeps of a fan-out, in the order they were measured. */
function sweeps(report: Report): ScenarioInfo[] {
  return ofKind(report, "knee").filter(({ subscribers }) => subscribers > 1);
}

/** The first two sweeps stand for the run; the others have a section of their own. */
const HEADLINES = 2;

export function headline(report: Report): Html {
  const fanouts = sweeps(report).slice(0, HEADLINES);
  if (fanouts.length === 0) return html``;
  const caption = html`<p class="caption">
    Medians; the thin line is least to most of the runs. ${machineOf(report)}, Bun ${report.machine.bun},
    ${dateOf(report)}.
  </p>`;
  return section(
    "headline",
    "How much one core carries",
    "Deliveries a second at the knee: the highest rate that everybody in the room received whole, in order, and within the bound of the p99.",
    [...panels(report, fanouts, atKnee("deliveries/s at the knee; longer is better")), caption],
  );
}

export function otherSweeps(report: Report): Html {
  const others = sweeps(report).slice(HEADLINES);
  const words = "The same question of other rooms, sizes and audiences.";
  return section(
    "sweeps",
    "Other loads",
    words,
    panels(report, others, atKnee("deliveries/s at the knee; longer is better")),
  );
}

const STATES = { met: "✓", missed: "✗", "not measured": "–" };

export function targets(report: Report): Html {
  const { outcomes, others } = asked(report);
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
          <th scope="col">this run</th>
          <th scope="col">what</th>
          <th scope="col">target</th>
          <th scope="col">measured</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
  const words = "What Thump is to reach, held against the control of the same run.";
  const rest = others === 0 ? "" : ` ${others} more are measured by bun bench --targets.`;
  return section("targets", "Targets", words + rest, [body]);
}

/** Sections with charts add theirs to the list that the script reads. */
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
    "Each server is offered more and more. A filled mark was carried; a cross was late, or not all of it came. Both axes are logarithmic. Figures in the table are the knee's.";
  return section("latency", "Latency against rate", words, content);
}

export function publishesIn(report: Report): Html {
  const own = ofKind(report, "knee").filter(({ subscribers }) => subscribers <= 1);
  return section("in", "Publishes in", "One listens, many publish: how much a server takes in.", [
    ...panels(report, own, atKnee("publishes/s at the knee; longer is better")),
    ...own.map((scenario) => tableHtml(report, scenario)),
  ]);
}

export function memory(report: Report): Html {
  const own = ofKind(report, "idle");
  return section("memory", "Memory a session", "Sessions that are connected, in one room, and say nothing.", [
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
    "Some stop reading, and go on later. Do the others notice, does memory grow, and is anybody who missed something told?";
  return section("slow", "Slow consumers", words, content);
}

const PLAIN: { kind: Kind; title: string; words: string }[] = [
  { kind: "fanout", title: "At a fixed rate", words: "The same load for everybody." },
  { kind: "join", title: "Joining at once", words: "Many join a room in which messages flow." },
  {
    kind: "resume",
    title: "Coming back at once",
    words: "Many drop, miss messages, and come back together.",
  },
  {
    kind: "hostile",
    title: "Under attack",
    words:
      "What honest sessions notice of an attack: their p99 as a multiple of that in peace, what an act costs the server, and how it answers.",
  },
];

/** The kinds that are tables and nothing else. */
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
