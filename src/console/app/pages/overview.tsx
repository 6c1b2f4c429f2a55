/** @jsxImportSource preact */
// Overview of the server: current figures, charts of the last five minutes, errors, connections.
import { useRef, useState } from "preact/hooks";
import type { State } from "../../../client/index.ts";
import { bytes, clock, count, duration, latency, rate } from "../format.ts";
import { useLive } from "../hooks.ts";
import { Chart, type Line } from "../parts/chart.tsx";
import { ErrorsTable, SessionEvents } from "../parts/recent.tsx";
import { Heading } from "../parts/ui.tsx";
import type { FigureName, Series } from "../series.ts";

type Format = (value: number) => string;
const ms: Format = (value) => latency(value);

interface Panel {
  title: string;
  lines: [name: string, figure: FigureName][];
  format: Format;
  minTop: number;
  steps?: number[];
}

/** Axis steps for memory: powers of two, starting at 512 KiB. */
const MEMORY_STEPS = Array.from({ length: 24 }, (_, i) => 2 ** (i + 19));

const PANELS: Panel[] = [
  { title: "Published, per second", lines: [["in", "published"]], format: rate, minTop: 5 },
  { title: "Delivered, per second", lines: [["out", "delivered"]], format: rate, minTop: 5 },
  {
    title: "Publish to socket",
    lines: [
      ["p99", "socketsP99"],
      ["p50", "socketsP50"],
      ["streams", "streamsP99"],
    ],
    format: ms,
    minTop: 1,
  },
  { title: "Sessions", lines: [["connected", "sessions"]], format: count, minTop: 5 },
  { title: "Lagging sessions", lines: [["lagging", "lagging"]], format: count, minTop: 5 },
  {
    title: "Event loop and log",
    lines: [
      ["loop p99", "loopP99"],
      ["log p99", "logP99"],
    ],
    format: ms,
    minTop: 5,
  },
  { title: "Rooms", lines: [["with sessions", "rooms"]], format: count, minTop: 5 },
  { title: "Errors, per second", lines: [["errors", "errors"]], format: rate, minTop: 5 },
  {
    title: "Memory",
    lines: [
      ["process", "rss"],
      ["heap", "heap"],
      ["stored", "kept"],
    ],
    format: bytes,
    minTop: 1 << 20,
    steps: MEMORY_STEPS,
  },
];

export function Overview() {
  const { series, rejected, state } = useLive();
  const [chosen, choose] = useState<string>();
  const { nodes } = series;
  const node = chosen !== undefined && nodes.includes(chosen) ? chosen : undefined;
  return (
    <>
      <div class="top">
        <Heading>Overview</Heading>
        <Nodes nodes={nodes} node={node} choose={choose} series={series} />
      </div>
      {rejected !== undefined && (
        <p class="notice wrong" role="alert">
          {rejected}
        </p>
      )}
      <Stale state={state} series={series} />
      <Figures series={series} node={node} />
      <section aria-label="The last five minutes" class="charts">
        {PANELS.map((panel) => (
          <PanelChart key={panel.title} panel={panel} series={series} node={node} />
        ))}
      </section>
      <div class="columns">
        <ErrorsTable />
        <SessionEvents />
      </div>
    </>
  );
}

/** Marks the figures as outdated while the server is unreachable. */
function Stale({ state, series }: { state: State; series: Series }) {
  // During an outage, the state changes with every attempt, so the first "offline" is remembered until a connection is
  // live.
  const gone = useRef(false);
  if (state === "offline") gone.current = true;
  if (state === "live" || state === "closed") gone.current = false;
  const time = Math.max(...series.latest().map(({ time }) => time));
  if (!gone.current || !Number.isFinite(time)) return null;
  return (
    <p class="notice wrong" role="alert" data-testid="stale">
      The server does not respond. These figures are from {clock(time)}. Reconnecting…
    </p>
  );
}

interface NodesProps {
  nodes: string[];
  node: string | undefined;
  choose(node: string | undefined): void;
  series: Series;
}

/** The name of the node, or a selector if there are several nodes. */
function Nodes({ nodes, node, choose, series }: NodesProps) {
  const [sample] = series.latest(node);
  if (!sample) return <p class="soft nodes">waiting for the first sample…</p>;
  if (nodes.length > 1) {
    return (
      <label class="nodes">
        Node{" "}
        <select value={node ?? ""} onChange={({ currentTarget }) => choose(currentTarget.value || undefined)}>
          <option value="">all {nodes.length}</option>
          {nodes.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
    );
  }
  return (
    <p class="soft nodes" data-testid="node">
      {sample.node} · version {sample.version} · up {duration(sample.uptime)}
      {sample.draining && <span class="badge busy">draining</span>}
    </p>
  );
}

function Figures({ series, node }: { series: Series; node: string | undefined }) {
  const now = (name: FigureName) => series.now(name, node);
  const shown = (name: FigureName, format: Format) => {
    const value = now(name);
    return value === null ? "–" : format(value);
  };
  const transports = new Map<string, number>();
  for (const { sessions } of series.latest(node))
    for (const [transport, size] of Object.entries(sessions.byTransport))
      transports.set(transport, (transports.get(transport) ?? 0) + size);
  const byTransport = [...transports].filter(([, size]) => size > 0);
  const lagging = now("lagging") ?? 0;
  return (
    <dl class="figures">
      <Figure
        name="Sessions"
        value={shown("sessions", count)}
        about={
          byTransport.map(([name, size]) => `${count(size)} ${SHORT[name] ?? name}`).join(" · ") || "none"
        }
        title={byTransport.map(([name, size]) => `${count(size)} ${name}`).join(", ")}
      />
      <Figure name="Rooms" value={shown("rooms", count)} about="with sessions" />
      <Figure
        name="Published"
        value={`${shown("published", rate)} /s`}
        about={`${shown("publishedBytes", bytes)}/s`}
      />
      <Figure
        name="Delivered"
        value={`${shown("delivered", rate)} /s`}
        about={`${shown("deliveredBytes", bytes)}/s`}
      />
      <Figure
        name="To socket, p99"
        value={shown("socketsP99", ms)}
        about={`p50 ${shown("socketsP50", ms)}`}
      />
      <Figure
        name="Lagging"
        value={shown("lagging", count)}
        about={lagging > 0 ? "catching up" : "no lagging sessions"}
        look={lagging > 0 ? "busy" : undefined}
      />
      <Figure name="Memory" value={shown("rss", bytes)} about={`${shown("kept", bytes)} stored`} />
    </dl>
  );
}

/** Short names of transports. */
const SHORT: Record<string, string> = {
  websocket: "ws",
  "raw-websocket": "raw",
  "event-stream": "sse",
  "envelope-stream": "events",
  "multiplexed-stream": "streams",
};

interface FigureProps {
  name: string;
  value: string;
  about: string;
  title?: string;
  look?: string | undefined;
}

function Figure({ name, value, about, title = about, look = "" }: FigureProps) {
  return (
    <div class={`figure ${look}`}>
      <dt>{name}</dt>
      <dd class="value" data-testid={`figure-${name}`}>
        {value}
      </dd>
      <dd class="about" title={title}>
        {about}
      </dd>
    </div>
  );
}

const LOOKS: Line["look"][] = ["a", "b", "c"];

interface PanelProps {
  panel: Panel;
  series: Series;
  node: string | undefined;
}

function PanelChart({ panel: { title, lines, format, minTop, steps }, series, node }: PanelProps) {
  const [times = [], ...values] = series.columns(
    lines.map(([, figure]) => figure),
    node,
  );
  return (
    <Chart
      title={title}
      times={times as number[]}
      format={format}
      minTop={minTop}
      steps={steps}
      lines={lines.map(([name, figure], i) => {
        const now = series.now(figure, node);
        return {
          name,
          look: LOOKS[i] ?? "c",
          values: values[i] ?? [],
          now: now === null ? "–" : format(now),
        };
      })}
    />
  );
}
