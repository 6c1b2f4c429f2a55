// The command line of the benchmark.
import { parseArgs } from "node:util";
import { adapters, type Adapter } from "./adapters.ts";
import { scenarios, type Scenario } from "./scenarios.ts";

export interface Options {
  scenarios: Scenario[];
  adapters: Adapter[];
  seconds: number;
  runs: number;
  json: string | undefined;
}

export const help = `bun bench [options]

Compares Thump with a bare Bun server, side by side, on this machine.

  --scenario NAME   only this scenario (may be repeated)
  --only NAME       only this server: thump or control (may be repeated)
  --seconds N       length of a measured window (default 3)
  --runs N          runs of each fan-out row, alternating (default 3)
  --json FILE       also write every run to a file
  --help            this

scenarios:
${scenarios.map(({ name, title }) => `  ${name.padEnd(16)}  ${title}`).join("\n")}

servers:
${adapters.map(({ name, about, extra }) => `  ${name.padEnd(16)}  ${about}${extra ? " (only when named)" : ""}`).join("\n")}
`;

function positive(text: string, name: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} wants a positive number, not "${text}"`);
  return value;
}

function chosen<T extends { name: string; extra?: true }>(all: T[], names: string[], option: string): T[] {
  for (const name of names)
    if (!all.some((item) => item.name === name))
      throw new Error(`--${option} ${name} is unknown: one of ${all.map((item) => item.name).join(", ")}`);
  return all.filter((item) => (names.length === 0 ? !item.extra : names.includes(item.name)));
}

/** Undefined when help was asked for. */
export function readOptions(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    options: {
      scenario: { type: "string", multiple: true, default: [] },
      only: { type: "string", multiple: true, default: [] },
      seconds: { type: "string", default: "3" },
      runs: { type: "string", default: "3" },
      json: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  return {
    scenarios: chosen(scenarios, values.scenario, "scenario"),
    adapters: chosen(adapters, values.only, "only"),
    seconds: positive(values.seconds, "seconds"),
    runs: Math.ceil(positive(values.runs, "runs")),
    json: values.json,
  };
}
