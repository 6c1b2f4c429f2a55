// Draws a chart's markers, its limit and its shaded span.
import type uPlot from "uplot";
import type { Chart, Line } from "../charts.ts";
import { browser, type Pen } from "./dom.ts";

export interface Colors {
  soft: string;
  line: string;
  panel: string;
  shade: string;
  bad: string;
  of(look: Line["look"]): string;
}

function penOf(plot: uPlot): Pen {
  return plot.ctx as Pen;
}

/** Converts CSS pixels to canvas pixels. */
const px = (size: number) => size * browser.devicePixelRatio;

function shape(pen: Pen, marker: string, x: number, y: number, size: number): void {
  pen.beginPath();
  if (marker === "circle") pen.arc(x, y, size, 0, Math.PI * 2);
  else if (marker === "square") pen.rect(x - size * 0.9, y - size * 0.9, size * 1.8, size * 1.8);
  else {
    pen.moveTo(x, y - size * 1.25);
    pen.lineTo(x + size * 1.15, marker === "triangle" ? y + size * 0.9 : y);
    if (marker === "diamond") pen.lineTo(x, y + size * 1.25);
    pen.lineTo(x - size * 1.15, marker === "triangle" ? y + size * 0.9 : y);
    pen.closePath();
  }
  pen.fill();
  pen.stroke();
}

function cross(pen: Pen, x: number, y: number, size: number): void {
  pen.beginPath();
  pen.moveTo(x - size, y - size);
  pen.lineTo(x + size, y + size);
  pen.moveTo(x + size, y - size);
  pen.lineTo(x - size, y + size);
  pen.stroke();
}

/** Draws a filled marker for a rate that passed, and a cross for one that did not. */
export function drawMarkers(plot: uPlot, chart: Chart, colors: Colors): void {
  const pen = penOf(plot);
  pen.save();
  for (const { good, look, marker, x, y } of chart.lines) {
    if (!good) continue;
    for (const [index, at] of x.entries()) {
      const [left, top] = [plot.valToPos(at, "x", true), plot.valToPos(y[index] ?? 0, "y", true)];
      pen.strokeStyle = good[index] ? colors.panel : colors.of(look);
      pen.fillStyle = colors.of(look);
      pen.lineWidth = px(good[index] ? 1 : 2);
      if (good[index]) shape(pen, marker, left, top, px(look === "thump" ? 4.5 : 3.6));
      else cross(pen, left, top, px(3.6));
    }
  }
  pen.restore();
}

/** Draws the largest accepted p99 as a line. */
export function drawBound(plot: uPlot, bound: number, colors: Colors): void {
  const pen = penOf(plot);
  const { left, width } = plot.bbox;
  const y = plot.valToPos(bound, "y", true);
  pen.save();
  pen.strokeStyle = colors.bad;
  pen.fillStyle = colors.bad;
  pen.lineWidth = px(1);
  pen.setLineDash([px(4), px(4)]);
  pen.beginPath();
  pen.moveTo(left, y);
  pen.lineTo(left + width, y);
  pen.stroke();
  pen.font = `${px(11)}px ${browser.getComputedStyle(browser.document.documentElement).fontFamily}`;
  pen.textAlign = "left";
  pen.fillText(`limit: ${bound} ms`, left + px(6), y - px(7));
  pen.restore();
}

/** Shades the time during which some clients do not read. */
export function drawSpan(plot: uPlot, [from, to]: [number, number], colors: Colors): void {
  const pen = penOf(plot);
  const { top, height } = plot.bbox;
  const [left, right] = [plot.valToPos(from, "x", true), plot.valToPos(to, "x", true)];
  pen.save();
  pen.fillStyle = colors.shade;
  pen.fillRect(left, top, right - left, height);
  pen.fillStyle = colors.soft;
  pen.font = `${px(11)}px ${browser.getComputedStyle(browser.document.documentElement).fontFamily}`;
  pen.textAlign = "left";
  pen.fillText("some clients do not read", left + px(6), top + px(14));
  pen.restore();
}
