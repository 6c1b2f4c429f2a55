// The page's header, with the machine, date and headline figures, and the setup section.
import type { Report, Result, ScenarioInfo } from "../../results.ts";
import { figure } from "../figures.ts";
import { outcomes } from "../targets.ts";
import { judge } from "../verdict.ts";
import { count, kibibytes } from "../words.ts";
import { html, type Html } from "./html.ts";

export function dateOf({ machine }: Report): string {
  return `${machine.date.slice(0, 10)} ${machine.date.slice(11, 16)} UTC`;
}

export function machineOf({ machine: { cores, cpu, memoryGiB } }: Report): string {
  return `${cores} × ${cpu}, ${memoryGiB} GiB`;
}

/** One of Thump's figures, if the row is sound. */
function claim(
  report: Report,
  scenario: ScenarioInfo | undefined,
  value: (result: Result) => number | undefined,
) {
  const row = report.rows.find((one) => one.scenario === scenario?.name && one.server === "thump");
  return row && judge(row).claims ? figure(row.results, value)?.median : undefined;
}

function tile(title: string, text: string, unit: string): Html {
  return html`<div>
    <dt>${title}</dt>
    <dd>${text} <small>${unit}</small></dd>
  </div>`;
}

function tiles(report: Report): Html[] {
  const best = report.scenarios
    .filter(({ kind, subscribers }) => kind === "knee" && subscribers > 1)
    .slice(0, 2);
  const idle = report.scenarios.filter(({ kind }) => kind === "idle").slice(0, 1);
  const knees = best.flatMap((scenario) => {
    const value = claim(report, scenario, (one) => (one.kind === "knee" ? one.knee?.perSecond : undefined));
    return value === undefined
      ? []
      : [tile(scenario.title.split(":", 1)[0] ?? "", count(value), "deliveries/s")];
  });
  const sessions = idle.flatMap((scenario) => {
    const value = claim(report, scenario, (one) => (one.kind === "idle" ? one.perSession : undefined));
    return value === undefined ? [] : [tile("Memory per idle session", kibibytes(value), "KiB")];
  });
  const all = outcomes(report).filter(({ state }) => state !== "not measured");
  const met = all.filter(({ state }) => state === "met").length;
  return [
    ...knees,
    ...sessions,
    ...(all.length > 0 ? [tile("Targets met", `${met}`, `/ ${all.length}`)] : []),
  ];
}

export function header(report: Report): Html {
  return html`<header class="top">
    <div class="mark" aria-hidden="true">
      <svg viewBox="0 0 64 64" fill="currentColor">
        <ellipse cx="24" cy="17" rx="5.5" ry="15" transform="rotate(-9 24 17)" />
        <ellipse cx="40" cy="17" rx="5.5" ry="15" transform="rotate(9 40 17)" />
        <circle cx="32" cy="37" r="13" />
        <g fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round">
          <path d="M13 44a19 11 0 0 0 38 0" />
          <path d="M5 44a27 18 0 0 0 54 0" opacity=".45" />
        </g>
      </svg>
    </div>
    <div class="title">
      <h1>Thump benchmark</h1>
      <p>${dateOf(report)} on ${machineOf(report)}</p>
    </div>
    <dl class="tiles">${tiles(report)}</dl>
  </header>`;
}

function took(seconds: number): string {
  return seconds < 60
    ? `${Math.round(seconds)} s`
    : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** The machine, the software, and each server with its settings. */
export function setup(report: Report): Html {
  const { machine, pinned, versions } = report;
  const facts: [string, string][] = [
    ["Machine", machineOf(report)],
    ["Kernel", `${machine.kernel}, TCP ${machine.congestion}`],
    ["Bun", machine.bun],
    ["Date", dateOf(report)],
    ["Cores", pinned === true ? "one for the server, one for the generator" : pinned],
    ["Command", report.command],
    ["Duration", took(report.took)],
    [
      "Versions",
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(", "),
    ],
  ];
  const list = facts.map(
    ([name, value]) =>
      html`<div class="${name === "Versions" ? "all" : ""}">
        <dt>${name}</dt>
        <dd>${value}</dd>
      </div>`,
  );
  const rows = report.servers.map(
    ({ name, title, tier, settings, version }) =>
      html`<tr class="${name === "thump" ? "look-thump" : ""}">
        <th scope="row">${name}</th>
        <td>${title}</td>
        <td>${version ?? "–"}</td>
        <td>${tier === "live" ? "at most once" : "with history"}</td>
        <td class="text">${settings}</td>
      </tr>`,
  );
  return html`<section id="setup">
    <h2>Setup</h2>
    <dl class="facts">${list}</dl>
    <div class="wide" role="region" tabindex="0" aria-label="The servers">
      <table class="words">
        <caption>
          The servers and their settings
        </caption>
        <thead>
          <tr>
            <th scope="col">server</th>
            <th scope="col">software</th>
            <th scope="col">version</th>
            <th scope="col">tier</th>
            <th scope="col">settings</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
  </section>`;
}
