// The command line of the benchmark.
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
      /** Names; all that a scenario names when there are none. */
      peers: readonly string[];
      pace: Pace;
      /** An earlier Thump to measure beside this one: anything that git takes for a commit. */
      baseline: string | undefined;
      json: string | undefined;
      page: string | undefined;
    };

const names = (list: readonly { name: string; title: string }[]) =>
  list.map(({ name, title }) => `  ${name.padEnd(17)} ${title}`).join("\n");

export const help = `bun bench [options]                  the headline scenarios: 4 minutes, 7 with every peer
bun bench --targets                  what Thump promises of itself, about four minutes
bun bench --full                     every scenario, thoroughly, about an hour
bun bench peers                      installs the servers to compare with into bench/.peers
bun bench compare OLD.json NEW.json  what got slower beyond the noise (exit code 1 if anything did)
bun bench micro                      what is pure and hot, by itself
bun bench worst [TEXT]               what the worst request of every route and command costs the server
bun bench durable                    publishes into rooms that are kept in a file, in one process

options:
  --scenario NAME   only this scenario (may be repeated)
  --peer NAME       only this server and the one ratios refer to (may be repeated)
  --seconds N       length of a measured window, and of each of a sweep's
  --runs N          runs of each row, alternating (3)
  --baseline REF    Thump at this commit beside the one here, taking turns, and what changed (5 runs of ws-1000
                    unless said; exit code 1 if anything got slower)
  --json FILE       where the results are written (bench/results/<time>.json)
  --page FILE       where the report page is written (bench/results/<time>.html)
  --help            this

scenarios:
${names(scenarios)}

servers:
${names(adapters)}
`;

function positive(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} wants a positive number, not "${text}"`);
  return value;
}

function known(
  wanted: readonly string[],
  all: readonly { name: string }[],
  option: string,
): readonly string[] {
  for (const name of wanted)
    if (!all.some((item) => item.name === name))
      throw new Error(`--${option} ${name} is unknown: one of ${all.map((item) => item.name).join(", ")}`);
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
  if (command === "compare") throw new Error("bun bench compare wants two results files: OLD.json NEW.json");
  throw new Error(`there is no "bun bench ${command}": peers, compare, micro, worst or durable`);
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
  const wanted = [...known(values.scenario, scenarios, "scenario")];
  const { baseline } = values;
  if (wanted.length === 0 && baseline !== undefined && !values.full && !values.targets)
    wanted.push("ws-1000");
  const set = values.full ? "full" : values.targets ? "targets" : "headline";
  const seconds = positive(values.seconds, "seconds");
  const runs = positive(values.runs ?? (baseline === undefined ? undefined : "5"), "runs");
  return {
    command: "run",
    scenarios: scenarios.filter(({ name, sets }) =>
      wanted.length > 0 ? wanted.includes(name) : sets.includes(set),
    ),
    peers: known(values.peer, adapters, "peer"),
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
