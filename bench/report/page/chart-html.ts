// The container of a chart: its title, its box, and a legend that shows the values under the pointer.
import type { Chart, Line } from "./charts.ts";
import { html, Html } from "./html.ts";

const SHAPES: Record<string, string> = {
  circle: '<circle cx="14" cy="6" r="3.4"/>',
  square: '<rect x="11" y="3" width="6" height="6"/>',
  triangle: '<path d="M14 2l4 7h-8z"/>',
  diamond: '<path d="M14 1.6l4.2 4.4-4.2 4.4-4.2-4.4z"/>',
};

/** A short sample of a chart line, for the legend. */
function swatch({ dash, marker, good }: Line): Html {
  // Inserts only shapes from the list above, so the data cannot add markup.
  const shape = new Html(good ? (SHAPES[marker] ?? "") : "");
  return html`<svg class="swatch" width="28" height="12" aria-hidden="true">
    <path d="M0 6h28" stroke-dasharray="${dash || "none"}" />
    ${shape}
  </svg>`;
}

function legend({ lines }: Chart): Html {
  const items = lines.map(
    (line) => html`<li class="look-${line.look}">${swatch(line)}${line.server} <output></output></li>`,
  );
  return html`<ul class="legend">
    ${items}
  </ul>`;
}

/** @param index index of the chart in the data that the script reads */
export function chartHtml(chart: Chart, index: number, withLegend = true): Html {
  return html`<figure class="chart" data-chart="${index}">
    <p class="axis">${chart.yTitle} <span>against ${chart.xTitle}</span></p>
    <div class="plot" role="img" aria-label="${chart.label}"></div>
    <figcaption class="${withLegend ? "" : "label"}">${legend(chart)}</figcaption>
  </figure>`;
}
