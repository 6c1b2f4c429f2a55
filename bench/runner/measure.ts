// Measures one scenario: a fresh server for every run, the servers taking turns.
import type { Adapter } from "../adapters.ts";
import type { Job, Result, Target } from "../jobs.ts";
import type { Options } from "../options.ts";
import {
  GENTLE_SECONDS,
  GRACE_SECONDS,
  SETTLE_SECONDS,
  WARMUP_SECONDS,
  type Scenario,
} from "../scenarios.ts";
import { runJob } from "./generator.ts";
import { startServer } from "./server.ts";

/** All runs of one server in one scenario. */
export interface Row {
  scenario: Scenario;
  server: string;
  results: Result[];
  /** Why it could not be measured. */
  problem?: string;
}

function jobOf(scenario: Scenario, target: Target, seconds: number): Job {
  if (scenario.kind === "idle") {
    const { sessions, size } = scenario;
    return { kind: "idle", target, sessions, size, settle: SETTLE_SECONDS };
  }
  const { subscribers, rate, size } = scenario;
  const times = { gentle: GENTLE_SECONDS, warmup: WARMUP_SECONDS, seconds, grace: GRACE_SECONDS };
  return { kind: "fanout", target, subscribers, rate, size, ...times };
}

async function runOnce(
  scenario: Scenario,
  adapter: Adapter,
  seconds: number,
  progress: (text: string) => void,
): Promise<Result> {
  const subscribe = adapter.subscribe[scenario.transport];
  if (!subscribe) throw new Error(`${adapter.name} has no ${scenario.transport}`);
  progress("starting");
  const server = await startServer(adapter);
  try {
    const { port, pid } = server;
    const target = { port, pid, publish: adapter.publish, subscribe };
    return await runJob(jobOf(scenario, target, seconds), progress);
  } catch (error) {
    const ended = server.ended();
    throw ended === undefined ? error : new Error(ended, { cause: error });
  } finally {
    await server.stop();
  }
}

export async function measure(
  scenario: Scenario,
  options: Options,
  progress: (text: string) => void,
): Promise<Row[]> {
  const pairs = scenario.servers.flatMap((name) =>
    options.adapters
      .filter((adapter) => adapter.name === name)
      .map((adapter): [Adapter, Row] => {
        const problem = adapter.missing();
        const row: Row = { scenario, server: name, results: [] };
        return [adapter, problem === undefined ? row : { ...row, problem }];
      }),
  );
  // Memory hardly varies from run to run, and takes long to settle.
  const runs = scenario.kind === "idle" ? 1 : options.runs;
  for (let run = 0; run < runs; run++) {
    for (const [adapter, row] of pairs) {
      if (row.problem !== undefined) continue;
      const label = `${scenario.name} ${adapter.name} ${run + 1}/${runs}`;
      try {
        row.results.push(
          await runOnce(scenario, adapter, options.seconds, (text) => progress(`${label}: ${text}`)),
        );
      } catch (error) {
        row.problem = error instanceof Error ? error.message : String(error);
      }
    }
  }
  return pairs.map(([, row]) => row);
}
