// Each node's samples of the last five minutes, and their totals. Pure.
import type { ServerSample } from "../../protocol/status-rooms.ts";

/** Time span of the charts. */
export const WINDOW_SECONDS = 300;
/** A node that has sent no sample for longer than this is no longer counted. */
const SILENT_AFTER_MS = 5000;

/** A value in a sample, and how to combine the values of several nodes. */
interface Figure {
  of(sample: ServerSample): number | null;
  join: "sum" | "max";
}

const perSecond = (of: (sample: ServerSample) => number): Figure => ({
  of: (sample) => of(sample) / (sample.seconds || 1),
  join: "sum",
});
const sum = (of: Figure["of"]): Figure => ({ of, join: "sum" });
const max = (of: Figure["of"]): Figure => ({ of, join: "max" });

export const FIGURES = {
  sessions: sum(({ sessions }) => sessions.total),
  lagging: sum(({ sessions }) => sessions.lagging),
  rooms: sum(({ rooms }) => rooms),
  published: perSecond((sample) => sample.in.publications),
  publishedBytes: perSecond((sample) => sample.in.bytes),
  delivered: perSecond(({ out }) => out.deliveries),
  deliveredBytes: perSecond(({ out }) => out.bytes),
  socketsP50: max(({ toSockets }) => toSockets.p50),
  socketsP99: max(({ toSockets }) => toSockets.p99),
  streamsP99: max(({ toStreams }) => toStreams.p99),
  logP99: max(({ log }) => log.p99),
  loopP99: max(({ loop }) => loop.p99),
  rss: sum(({ memory }) => memory.rss),
  heap: sum(({ memory }) => memory.heap),
  kept: sum(({ memory }) => memory.kept),
  errors: perSecond(({ rejects }) => Object.values(rejects).reduce((all, one) => all + one, 0)),
} satisfies Record<string, Figure>;
export type FigureName = keyof typeof FIGURES;

/** A second, in s since 1970, and each node's latest sample at the end of that second. */
interface Moment {
  time: number;
  samples: ServerSample[];
}

export class Series {
  readonly #nodes = new Map<string, ServerSample[]>();

  /** Adds a sample, and removes samples older than the window. */
  add(sample: ServerSample): void {
    const samples = this.#nodes.get(sample.node) ?? [];
    this.#nodes.set(sample.node, samples);
    samples.push(sample);
    const oldest = sample.time - WINDOW_SECONDS * 1000;
    while ((samples[0]?.time ?? oldest) < oldest) samples.shift();
  }

  /** The nodes that have recent samples. */
  get nodes(): string[] {
    const newest = this.#newest();
    return [...this.#nodes]
      .filter(([, samples]) => (samples.at(-1)?.time ?? 0) > newest - SILENT_AFTER_MS)
      .map(([node]) => node)
      .toSorted();
  }

  /** The latest sample of each node. @param node one node; all by default */
  latest(node?: string): ServerSample[] {
    return this.nodes
      .filter((name) => node === undefined || name === node)
      .flatMap((name) => this.#nodes.get(name)?.slice(-1) ?? []);
  }

  /** The current value. Null if no node reports it. */
  now(name: FigureName, node?: string): number | null {
    return join(FIGURES[name], this.latest(node));
  }

  /** Columns for a chart: times in s since 1970, then one column per figure. @param node one node; all by default */
  columns(names: readonly FigureName[], node?: string): (number | null)[][] {
    const moments = this.#moments(node);
    return [
      moments.map(({ time }) => time),
      ...names.map((name) => moments.map(({ samples }) => join(FIGURES[name], samples))),
    ];
  }

  #newest(): number {
    return Math.max(0, ...[...this.#nodes.values()].map((samples) => samples.at(-1)?.time ?? 0));
  }

  #moments(node: string | undefined): Moment[] {
    const lists = [...this.#nodes]
      .filter(([name]) => node === undefined || name === node)
      .map(([, list]) => list);
    const [only] = lists;
    if (lists.length === 1 && only)
      return only.map((sample) => ({ time: sample.time / 1000, samples: [sample] }));
    const first = Math.min(...lists.map((list) => list[0]?.time ?? Infinity));
    const last = this.#newest();
    const at = lists.map(() => 0);
    const moments: Moment[] = [];
    // Nodes sample at different moments: use each node's latest sample at the end of the second.
    for (let end = first; end <= last; end += 1000) {
      const samples = lists.flatMap((list, i) => {
        while ((list[(at[i] as number) + 1]?.time ?? Infinity) <= end) (at[i] as number)++;
        const sample = list[at[i] as number];
        return sample && sample.time <= end && sample.time > end - SILENT_AFTER_MS ? [sample] : [];
      });
      moments.push({ time: end / 1000, samples });
    }
    return moments;
  }
}

function join({ of, join: how }: Figure, samples: ServerSample[]): number | null {
  const values = samples.map(of).filter((value) => value !== null);
  if (values.length === 0) return null;
  return how === "max" ? Math.max(...values) : values.reduce((all, value) => all + value, 0);
}
