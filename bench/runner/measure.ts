// Measures scenarios. Every run starts a new server, and the servers alternate.
import type { Adapter } from "../adapter.ts";
import { adapters } from "../peers/index.ts";
import type { Result, Row } from "../results.ts";
import type { Scenario } from "../scenarios.ts";
import { fanout } from "./kinds/fanout.ts";
import { hostile } from "./kinds/hostile.ts";
import { idle } from "./kinds/idle.ts";
import { join } from "./kinds/join.ts";
import { Sweep } from "./kinds/knee.ts";
import { resume } from "./kinds/resume.ts";
import { slow } from "./kinds/slow.ts";
import type { Pace } from "./pace.ts";
import { Rig, type Say } from "./rig.ts";

/** Receives the progress of a measurement. */
export interface ProgressListener {
  begin(label: string): void;
  say: Say;
  done(): void;
}

/** Number of runs. Memory hardly differs between runs and takes a long time to settle, so it is measured once. */
function runsOf({ kind }: Scenario, pace: Pace): number {
  return kind === "idle" ? 1 : kind === "slow" ? pace.slow : pace.runs;
}

/** The servers of a scenario, restricted to the requested ones. A twin directly follows its original. */
export function serversOf(
  scenario: Scenario,
  requested: readonly string[],
  all: readonly Adapter[] = adapters,
): Adapter[] {
  const { servers, subscribers, publishers, joining } = scenario;
  const parties = [...subscribers, ...(publishers ? [publishers] : []), ...(joining ? [joining] : [])];
  const hasDialects = (adapter: Adapter) => parties.every(({ dialect }) => dialect in adapter.dialects);
  const isIncluded = (adapter: Adapter) =>
    servers === "all" ? !adapter.named || requested.includes(adapter.name) : servers.includes(adapter.name);
  const isRequested = ({ name }: Adapter) =>
    requested.length === 0 || requested.includes(name) || name === scenario.base;
  const chosen = all.filter(
    (adapter) =>
      adapter.twin === undefined &&
      hasDialects(adapter) &&
      (isIncluded(adapter) || requested.includes(adapter.name)) &&
      isRequested(adapter),
  );
  return chosen.flatMap((adapter) => [adapter, ...all.filter(({ twin }) => twin === adapter.name)]);
}

/** Number of units of work, for the progress display. */
export function unitsOf(
  scenario: Scenario,
  requested: readonly string[],
  pace: Pace,
  all?: readonly Adapter[],
): number {
  return serversOf(scenario, requested, all).length * runsOf(scenario, pace);
}

type Runner = (say: Say) => Promise<Result>;

function runnerOf(adapter: Adapter, scenario: Scenario, pace: Pace): Runner {
  if (scenario.kind === "knee") {
    const sweep = new Sweep(adapter, scenario, pace);
    return (say) => sweep.run(say);
  }
  const kinds = { fanout, hostile, idle, join, resume, slow };
  const kind = kinds[scenario.kind];
  return (say) => Rig.use<Result>(adapter, scenario, say, (rig) => kind(rig, pace));
}

export async function measure(
  scenario: Scenario,
  requested: readonly string[],
  pace: Pace,
  watcher: ProgressListener,
  all?: readonly Adapter[],
): Promise<Row[]> {
  const pairs = serversOf(scenario, requested, all).map((adapter): [Row, Runner] => {
    const skipped = adapter.missing();
    const row: Row = { scenario: scenario.name, server: adapter.name, results: [] };
    return [skipped === undefined ? row : { ...row, skipped }, runnerOf(adapter, scenario, pace)];
  });
  const runs = runsOf(scenario, pace);
  for (let run = 0; run < runs; run++) {
    for (const [row, runner] of pairs) {
      watcher.begin(`${scenario.name} · ${row.server} · run ${run + 1} of ${runs}`);
      try {
        if (row.skipped === undefined && row.problem === undefined)
          row.results.push(await runner((text) => watcher.say(text)));
      } catch (error) {
        row.problem = error instanceof Error ? error.message : String(error);
      }
      watcher.done();
    }
  }
  return pairs.map(([row]) => row);
}
