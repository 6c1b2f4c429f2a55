/** @jsxImportSource preact */
// A chart of the last five minutes, drawn by uPlot. Its current values are also in the legend.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { WINDOW_SECONDS } from "../series.ts";

export interface Line {
  name: string;
  /** The line's color in the style sheet. */
  look: "a" | "b" | "c";
  values: (number | null)[];
  /** The current value, formatted. */
  now: string;
}

interface ChartProps {
  title: string;
  /** Times in s since 1970. */
  times: number[];
  lines: Line[];
  /** Formats a value on the axis. */
  format(value: number): string;
  /** Minimum value at the top of the axis. */
  minTop: number;
  /** Steps of the axis. Default: round decimal numbers. */
  steps?: number[] | undefined;
}

const HEIGHT = 132;

export function Chart(props: ChartProps) {
  const { title, lines } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const latest = useRef(props);
  latest.current = props;
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(element, latest.current), columns(latest.current), element);
    };
    const resized = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    draw();
    resized.observe(element);
    scheme.addEventListener("change", draw);
    return () => {
      resized.disconnect();
      scheme.removeEventListener("change", draw);
      plot.current?.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData(columns(props)), [props.times, props.lines]);
  return (
    <figure class="chart">
      <figcaption>
        <span class="title">{title}</span>
        <span class="legend">
          {lines.map(({ name, look, now }) => (
            <span key={name} class={`look-${look}`}>
              <i aria-hidden="true" />
              {name} <b>{now}</b>
            </span>
          ))}
        </span>
      </figcaption>
      {/* The legend has the current values as text. */}
      <div class="plot" ref={box} aria-hidden="true" />
    </figure>
  );
}

function columns({ times, lines }: ChartProps): uPlot.AlignedData {
  return [times, ...lines.map(({ values }) => values)];
}

function options(element: HTMLElement, { lines, format, minTop, steps }: ChartProps): uPlot.Options {
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const axis: uPlot.Axis = {
    stroke: color("soft"),
    font: `11px ${style.fontFamily}`,
    grid: { stroke: color("grid"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [6, 8, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, sync: { key: "overview" }, points: { size: 6 } },
    scales: {
      // The x axis always spans the whole window, so that nothing moves while the window fills.
      x: { time: true, range: (_, __, last) => [(last ?? 0) - WINDOW_SECONDS, last ?? 0] },
      y: { range: (_, __, max) => [0, Math.max(minTop, (max ?? 0) * 1.1)] },
    },
    axes: [
      { ...axis, size: 22, space: 44, values: (_, splits) => splits.map(minute) },
      {
        ...axis,
        size: 54,
        space: 34,
        values: (_, splits) => splits.map(format),
        ...(steps ? { incrs: steps } : {}),
      },
    ],
    series: [
      {},
      ...lines.map(({ look }): uPlot.Series => ({
        stroke: color(`look-${look}`),
        width: 1.5,
        points: { show: false },
        ...(look === "a" ? { fill: color("glow") } : {}),
      })),
    ],
  };
}

function minute(time: number): string {
  const date = new Date(time * 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
}
