// The page's script: draws the charts, and redraws them when their size or the color scheme changes.
import uPlot from "uplot";
import type { Chart, Line } from "../charts.ts";
import { type Box, browser } from "./dom.ts";
import { type Colors, drawBound, drawMarkers, drawSpan } from "./marks.ts";

const { document } = browser;
const HEIGHT = { wide: 340, narrow: 250 };
const NARROW = 560;

function colorsNow(): Colors {
  const style = browser.getComputedStyle(document.documentElement);
  const of = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    soft: of("soft"),
    line: of("grid"),
    panel: of("panel"),
    shade: of("shade"),
    bad: of("bad"),
    of: (look) => of(`look-${look}`),
  };
}

/** Aligns the lines on one x axis. A line has null where it has no point. */
function align(lines: Line[]): uPlot.AlignedData {
  const xs = [...new Set(lines.flatMap(({ x }) => x))].toSorted((a, b) => a - b);
  const columns = lines.map(({ x, y }) => {
    const at = new Map(x.map((one, index) => [one, y[index] ?? null]));
    return xs.map((one) => at.get(one) ?? null);
  });
  return [xs, ...columns];
}

function short(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`;
  if (value >= 1e3) return `${value / 1e3}k`;
  return String(+value.toPrecision(6));
}

/** Returns 1, 2 and 5 times every power of ten, within the given range. */
function decades(from: number, to: number): number[] {
  const first = Math.floor(Math.log10(from));
  const tens = Array.from(
    { length: Math.ceil(Math.log10(to)) - first + 1 },
    (_, index) => 10 ** (first + index),
  );
  return tens.flatMap((ten) => [ten, 2 * ten, 5 * ten]).filter((value) => value >= from && value <= to);
}

function around(chart: Chart): [number, number] {
  const all = [...chart.lines.flatMap(({ y }) => y), ...(chart.bound === undefined ? [] : [chart.bound])];
  const [least, most] = [Math.min(...all), Math.max(...all)];
  return chart.log ? [least / 1.5, most * 1.5] : [0, most * 1.08];
}

function optionsOf(chart: Chart, width: number, colors: Colors): uPlot.Options {
  const font = `12px ${browser.getComputedStyle(document.documentElement).fontFamily}`;
  const grid = { stroke: colors.line, width: 1 };
  const axis: uPlot.Axis = {
    stroke: colors.soft,
    font,
    grid,
    ticks: grid,
    values: (_, splits) => splits.map(short),
    filter: (_, splits) => splits,
    ...(chart.log ? { splits: (_plot, _axis, from, to) => decades(from, to) } : {}),
  };
  const distr = chart.log ? 3 : 1;
  const xs = chart.lines.flatMap(({ x }) => x);
  const [first, last] = [Math.min(...xs), Math.max(...xs)];
  return {
    width,
    height: width < NARROW ? HEIGHT.narrow : HEIGHT.wide,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 8 }, sync: { key: chart.group } },
    scales: {
      x: { time: false, distr, range: chart.log ? [first / 1.15, last * 1.15] : [first, last] },
      y: { distr, range: around(chart) },
    },
    axes: [axis, { ...axis, size: 52 }],
    series: [
      {},
      ...chart.lines.map(({ look, dash }) => ({
        stroke: colors.of(look),
        width: look === "thump" ? 3 : 1.75,
        dash: dash === "" ? [] : dash.split(" ").map(Number),
        spanGaps: true,
        points: { show: false },
      })),
    ],
  };
}

/** Updates the legend with the values under the pointer. */
function read(plot: uPlot, outputs: Box[]): void {
  const { idx } = plot.cursor;
  for (const [index, output] of outputs.entries()) {
    const value = idx === null || idx === undefined ? undefined : plot.data[index + 1]?.[idx];
    output.textContent = typeof value === "number" ? value.toPrecision(3) : "";
  }
}

function draw(figure: Box, box: Box, chart: Chart): uPlot {
  const colors = colorsNow();
  const outputs = [...figure.querySelectorAll("output")];
  const { bound, span } = chart;
  const plot: uPlot = new uPlot(
    {
      ...optionsOf(chart, box.clientWidth, colors),
      hooks: {
        drawClear: [(own) => void (span && drawSpan(own, span, colors))],
        draw: [
          (own) => void (bound !== undefined && drawBound(own, bound, colors)),
          (own) => drawMarkers(own, chart, colors),
        ],
        setCursor: [(own) => read(own, outputs)],
      },
    },
    align(chart.lines),
    // uPlot's types require the browser's HTMLElement. At run time, the box is one.
    box as unknown as ConstructorParameters<typeof uPlot>[2],
  );
  return plot;
}

const charts = JSON.parse(document.querySelector("#charts")?.textContent ?? "[]") as Chart[];
for (const figure of document.querySelectorAll("[data-chart]")) {
  const chart = charts[Number(figure.dataset["chart"])];
  const box = figure.querySelector(".plot");
  if (!chart || !box) continue;
  let plot = draw(figure, box, chart);
  let width = box.clientWidth;
  const redraw = (): void => {
    plot.destroy();
    plot = draw(figure, box, chart);
  };
  new browser.ResizeObserver(() => {
    if (box.clientWidth === width) return;
    width = box.clientWidth;
    redraw();
  }).observe(box);
  browser.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}
