// Reads a server's metrics as Prometheus does.
import { expect } from "bun:test";
import type { TestServer } from "./server.ts";

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export class Metrics {
  constructor(readonly samples: Sample[]) {}

  /** Returns the value of the only sample with these labels, or 0 if there is none. */
  of(name: string, labels: Record<string, string> = {}): number {
    const found = this.samples.filter(
      (sample) =>
        sample.name === name &&
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    );
    if (found.length > 1) throw new Error(`${name} ${JSON.stringify(labels)} is ${found.length} samples`);
    return found[0]?.value ?? 0;
  }
}

/** Parses the text format (Prometheus exposition format 0.0.4). */
export function parseMetrics(text: string): Metrics {
  const samples = text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line): Sample => {
      const match = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
      if (!match) throw new Error(`not a sample: ${line}`);
      const labels = [...(match[2] ?? "").matchAll(/([a-zA-Z_]+)="((?:[^"\\]|\\.)*)"/g)];
      return {
        name: match[1] as string,
        labels: Object.fromEntries(labels.map(([, label, value]) => [label, value])) as Record<
          string,
          string
        >,
        value: Number(match[3]),
      };
    });
  return new Metrics(samples);
}

/** Fetches and parses `/metrics`. */
export async function metricsOf(server: Pick<TestServer, "url">): Promise<Metrics> {
  const response = await fetch(`${server.url}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
  return parseMetrics(await response.text());
}
