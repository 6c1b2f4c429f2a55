// The benchmark's command line.
import { parseArgs } from "node:util";
import { adapters } from "./peers/index.ts";
import { quick, thorough, type Pace } from "./runner/pace.ts";
import { scenarios, type Scenario } from "./scenarios.ts";

export type Options =
  | { command: "help" }
  | { command: "peers" }
  | { command: "micro" }
  | { command: "durable" }
  | { command: "worst"; only: string | undefined }
  | { command: "compare"; files: [string, string] }
  | {
      command: "run";
      scenarios: readonly Scenario[];
      /** Names of the servers to measure. If empty, all servers in the scenario are measured. */
      peers: readonly string[];
      pace: Pace;
      /** The Git revision of an earlier version of Thump to measure in the same run. */
      baseline: string | undefined;
      json: string | undefined;
      page: string | undefined;
    };

const names = (list: readonly { name: string; title: string }[]) =>
  list.map(({ name, title }) => `  ${name.padEnd(17)} ${title}`).join("\n");

export const help = `Usage:
bun bench [options]                  the main scenarios: 4 minutes, or 7 with all peers
bun bench --targets                  check Thump against its own targets: 4 minutes
bun bench --full                     every scenario: about an hour
bun bench peers                      install the other servers into bench/.peers
bun bench compare OLD.json NEW.json  regressions that exceed the noise (exit code 1 if there are any)
bun bench micro                      encoding, decoding, history, rules and sweeps in isolation
bun bench worst [TEXT]               the cost of the most expensive request to every route and command
                                     (TEXT: only requests whose names contain it)
bun bench durable                    publishes to rooms stored in a file, in one process

Options:
  --scenario NAME   measure only this scenario (repeatable)
  --peer NAME       measure only this server and the one that ratios refer to (repeatable)
  --seconds N       length of a measured window, and of each window of a sweep
  --runs N          runs per row; servers alternate (3)
  --baseline REF    also measure Thump at this commit, in alternating runs, and print the differences
                    (by default 5 runs of ws-1000; exit code 1 if anything became slower)
  --json FILE       where to write the results (bench/results/<time>.json)
  --page FILE       where to write the report page (bench/results/<time>.html)
  --help            print this help

Scenarios:
${names(scenarios)}

Servers:
${names(adapters)}
`;

function readPositive(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} requires a positive number, not "${text}"`);
  return value;
}

function checkNames(
  wanted: readonly string[],
  all: readonly { name: string }[],
  option: string,
): readonly string[] {
  for (const name of wanted)
    if (!all.some((item) => item.name === name))
      throw new Error(
        `--${option} ${name} is unknown: use one of ${all.map((item) => item.name).join(", ")}`,
      );
  return wanted;
}

function subcommand(positionals: readonly string[]): Options | undefined {
  const [command, ...rest] = positionals;
  if (command === undefined) return undefined;
  if (command === "peers" || command === "micro" || command === "durable") return { command };
  const [old, newer] = rest;
  if (command === "worst" && rest.length <= 1) return { command, only: old };
  if (command === "compare" && old !== undefined && newer !== undefined && rest.length === 2)
    return { command, files: [old, newer] };
  if (command === "compare")
    throw new Error("bun bench compare requires two results files: OLD.json NEW.json");
  throw new Error(`unknown command "bun bench ${command}": use peers, compare, micro, worst or durable`);
}

export function readOptions(args: string[]): Options {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      scenario: { type: "string", multiple: true, default: [] },
      peer: { type: "string", multiple: true, default: [] },
      targets: { type: "boolean", default: false },
      full: { type: "boolean", default: false },
      seconds: { type: "string" },
      runs: { type: "string" },
      baseline: { type: "string" },
      json: { type: "string" },
      page: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return { command: "help" };
  const other = subcommand(positionals);
  if (other) return other;
  const wanted = [...checkNames(values.scenario, scenarios, "scenario")];
  const { baseline } = values;
  if (wanted.length === 0 && baseline !== undefined && !values.full && !values.targets)
    wanted.push("ws-1000");
  const set = values.full ? "full" : values.targets ? "targets" : "headline";
  const seconds = readPositive(values.seconds, "seconds");
  const runs = readPositive(values.runs ?? (baseline === undefined ? undefined : "5"), "runs");
  return {
    command: "run",
    scenarios: scenarios.filter(({ name, sets }) =>
      wanted.length > 0 ? wanted.includes(name) : sets.includes(set),
    ),
    peers: checkNames(values.peer, adapters, "peer"),
    pace: {
      ...(set === "headline" && wanted.length === 0 ? quick : thorough),
      ...(seconds === undefined ? {} : { seconds, step: seconds }),
      ...(runs === undefined ? {} : { runs: Math.ceil(runs), slow: Math.ceil(runs) }),
    },
    baseline,
    json: values.json,
    page: values.page,
  };
}
