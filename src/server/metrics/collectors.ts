// Collectors that read their values at each scrape. Other modules keep plain counters; prom-client only formats their
// values.
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { LatencyHistogram } from "../../hub/latency-histogram.ts";

/** One value, or one value per set of labels. Labels never contain text from a client. */
type MetricValue = number | [labels: Record<string, string>, value: number][];

/** Registers a gauge whose value `read` returns at each scrape. */
export function gauge(
  registry: Registry,
  name: string,
  help: string,
  labelNames: string[],
  read: () => MetricValue,
): void {
  new Gauge({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      for (const [labels, value] of labelled(read())) this.set(labels, value);
    },
  });
}

/** The values with their labels. */
function labelled(value: MetricValue): Exclude<MetricValue, number> {
  return typeof value === "number" ? [[{}, value]] : value;
}

/** Registers a counter whose total `read` returns at each scrape. */
export function counter(
  registry: Registry,
  name: string,
  help: string,
  labelNames: string[],
  read: () => MetricValue,
): void {
  new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      for (const [labels, value] of labelled(read())) this.inc(labels, value);
    },
  });
}

/** Registers a histogram of latencies that are recorded elsewhere. */
export function histogram(
  registry: Registry,
  name: string,
  help: string,
  latencies: [labels: Record<string, string>, latency: LatencyHistogram][],
): void {
  const labelNames = Object.keys(latencies[0]?.[0] ?? {});
  registry.registerMetric(new PrefilledHistogram(name, help, labelNames, latencies));
}

type Values = Awaited<ReturnType<Histogram["get"]>>["values"];

class PrefilledHistogram extends Histogram {
  constructor(
    readonly metricName: string,
    readonly helpText: string,
    labelNames: string[],
    readonly latencies: [labels: Record<string, string>, latency: LatencyHistogram][],
  ) {
    super({
      name: metricName,
      help: helpText,
      labelNames,
      registers: [],
      buckets: [...LatencyHistogram.bounds],
    });
  }

  /** Called by prom-client's registry and by `get`. */
  getForPromString(): Promise<{ name: string; help: string; type: string; values: Values }> {
    const values = this.latencies.flatMap(([labels, latency]) => this.#values(labels, latency));
    return Promise.resolve({ name: this.metricName, help: this.helpText, type: "histogram", values });
  }

  #values(labels: Record<string, string>, { buckets, count, sum }: LatencyHistogram): Values {
    const name = this.metricName;
    let cumulative = 0;
    const values = LatencyHistogram.bounds.map((le, i) => {
      cumulative += buckets[i] ?? 0;
      return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: cumulative };
    });
    return [
      ...values,
      { metricName: `${name}_bucket`, labels: { ...labels, le: "+Inf" }, value: count },
      { metricName: `${name}_sum`, labels, value: sum / 1000 },
      { metricName: `${name}_count`, labels, value: count },
    ];
  }
}
