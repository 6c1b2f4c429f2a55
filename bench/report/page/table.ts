// The tables of the page.
import type { Report, ScenarioInfo } from "../../results.ts";
import { attackTable } from "../tables/attacks.ts";
import { type Line, tableOf, TIERS } from "../tables/model.ts";
import { badge } from "./bars.ts";
import { html, type Html } from "./html.ts";
import { lookOf } from "./looks.ts";

function lineHtml(report: Report, { server, title, verdict, cells }: Line, columns: number): Html {
  const name = html`<th scope="row"><span title="${title}">${server}</span></th>`;
  if (cells.length === 0)
    return html`<tr class="none">
      ${name}
      <td class="reason" colspan="${columns}">
        ${verdict.state === "skipped" ? "skipped" : "failed"}: ${verdict.why}
      </td>
    </tr>`;
  const data = cells.map(
    ({ text, range }) => html`<td>${text}${range === "" ? undefined : html`<small>${range}</small>`}</td>`,
  );
  const notes = verdict.notes.join("; ");
  const said =
    verdict.claims && notes === "" ? undefined : html`<span class="remark">${badge(verdict)} ${notes}</span>`;
  return html`<tr class="look-${lookOf(report, server)} ${verdict.claims ? "" : "void"}">
      ${name}${data}
    </tr>
    ${
      said
        ? html`<tr class="note look-${lookOf(report, server)}">
            <td></td>
            <td colspan="${columns}">${said}</td>
          </tr>`
        : undefined
    }`;
}

/** Returns the table of attacks, or nothing if no server was attacked. */
export function attacksHtml(report: Report, scenario: ScenarioInfo): Html {
  const attacks = attackTable(report, scenario);
  if (!attacks) return html``;
  const lines = attacks.lines.map(
    ({ attack, server, cells }) =>
      html`<tr class="look-${lookOf(report, server)}">
        <th scope="row">${attack}</th>
        <td>${server}</td>
        ${cells.map((text) => html`<td>${text}</td>`)}
      </tr>`,
  );
  return html`<div class="wide" role="region" tabindex="0" aria-label="Attacks">
    <table>
      <thead>
        <tr>
          <th scope="col">attack</th>
          <th scope="col">server</th>
          ${attacks.columns.map((title) => html`<th scope="col">${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${lines}
      </tbody>
    </table>
  </div>`;
}

/** The table of one scenario. A wide table scrolls horizontally. */
export function tableHtml(report: Report, scenario: ScenarioInfo): Html {
  const { columns, groups } = tableOf(report, scenario);
  const bodies = groups.map(
    ({ tier, lines }) =>
      html`<tbody>
        <tr class="tier">
          <th scope="rowgroup" colspan="${columns.length + 1}"><span>${TIERS[tier]}</span></th>
        </tr>
        ${lines.map((line) => lineHtml(report, line, columns.length))}
      </tbody>`,
  );
  return html`<div class="wide" role="region" tabindex="0" aria-label="${scenario.title}">
    <table>
      <caption>
        <code>${scenario.name}</code>
        ${scenario.title}
      </caption>
      <thead>
        <tr>
          <th scope="col">server</th>
          ${columns.map((title) => html`<th scope="col">${title}</th>`)}
        </tr>
      </thead>
      ${bodies}
    </table>
  </div>`;
}
