// The idle scenario: memory per session, and the server's CPU time while no message is published.
import { addFaults } from "../merge.ts";
import type { IdleResult } from "../../results.ts";
import { cpuSeconds, residentBytes } from "../../generator/usage.ts";
import type { Pace } from "../pace.ts";
import type { Rig } from "../rig.ts";

const SAMPLE_INTERVAL_MS = 250;
const STABLE_SAMPLES = 5;
const STABLE_SPREAD = 0.005;
const IDLE_CPU_MS = 1_500;
const REACH_TIMEOUT_MS = 5_000;

/** Waits until the server's memory is stable, for at most `limit` seconds. */
async function settledMemory(rig: Rig, limit: number): Promise<number> {
  const { pid } = rig.server;
  const samples: number[] = [];
  const until = performance.now() + limit * 1000;
  while (performance.now() < until) {
    await rig.perform({ do: "wait", ms: SAMPLE_INTERVAL_MS });
    samples.push(residentBytes(pid));
    const latest = samples.slice(-STABLE_SAMPLES);
    const spread = Math.max(...latest) - Math.min(...latest);
    if (latest.length === STABLE_SAMPLES && spread < STABLE_SPREAD * latest[0]!) break;
  }
  return samples.at(-1) ?? residentBytes(pid);
}

async function idleCpu(rig: Rig): Promise<number> {
  const { pid } = rig.server;
  const [before, began] = [cpuSeconds(pid), performance.now()];
  await rig.perform({ do: "wait", ms: IDLE_CPU_MS });
  return (cpuSeconds(pid) - before) / ((performance.now() - began) / 1000);
}

export async function idle(rig: Rig, pace: Pace): Promise<IdleResult> {
  const { subscribers, publishers } = rig.scenario;
  rig.say("measuring the empty server");
  const rssEmpty = await settledMemory(rig, pace.settle);
  const sessions = subscribers.reduce((sum, { count }) => sum + count, 0);
  let opening = 0;
  for (const [index, spec] of subscribers.entries())
    opening += (await rig.connect(rig.party(`subscribers-${index}`, spec))).seconds;
  rig.say("waiting for the memory to settle");
  const rssOpen = await settledMemory(rig, pace.settle);
  const cpu = await idleCpu(rig);

  rig.say("checking that a message reaches every session");
  if (publishers) await rig.connect(rig.party("publishers", publishers, false));
  await rig.window({ rate: 10, warmup: 0, seconds: 0.1, grace: 0.1 });
  const settled = (await rig.perform({ do: "settle", ms: REACH_TIMEOUT_MS })).flatMap(
    (done) => done.settled ?? [],
  );
  return {
    kind: "idle",
    sessions,
    rssEmpty,
    rssOpen,
    perSession: (rssOpen - rssEmpty) / sessions,
    cpu,
    opening,
    reached: settled.reduce((sum, { caughtUp }) => sum + caughtUp, 0),
    faults: addFaults(settled.map(({ faults }) => faults)),
  };
}
