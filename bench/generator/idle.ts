// The idle job: what a session that says nothing costs the server in memory.
import type { IdleJob, IdleResult } from "../jobs.ts";
import { residentBytes } from "./process-usage.ts";
import { Publisher } from "./publisher.ts";
import { Swarm } from "./swarm.ts";
import { Tally } from "./tally.ts";

const SAMPLE_EVERY = 500;
const SAMPLES_ALIKE = 6;
const ALIKE = 0.005;
const REACH_WITHIN = 5_000;

/** Waits until the server's memory stops moving, or `limit` seconds. */
function settledMemory(swarm: Swarm, pid: number, limit: number): number {
  const samples: number[] = [];
  const until = performance.now() + limit * 1000;
  while (performance.now() < until) {
    swarm.run(performance.now() + SAMPLE_EVERY);
    samples.push(residentBytes(pid));
    const latest = samples.slice(-SAMPLES_ALIKE);
    const spread = Math.max(...latest) - Math.min(...latest);
    if (latest.length === SAMPLES_ALIKE && spread < ALIKE * latest[0]!) break;
  }
  return samples.at(-1) ?? residentBytes(pid);
}

export function runIdle(job: IdleJob, progress: (text: string) => void): IdleResult {
  const { target, sessions } = job;
  const tally = new Tally();
  const swarm = new Swarm(target.port, tally, job.size);
  progress("the empty server");
  const rssEmpty = settledMemory(swarm, target.pid, job.settle);

  const started = performance.now();
  const subscribers = swarm.connect(target.subscribe, sessions, (open) =>
    progress(`${open} of ${sessions} sessions open`),
  );
  const opening = (performance.now() - started) / 1000;
  progress("waiting for the memory to settle");
  const rssOpen = settledMemory(swarm, target.pid, job.settle);

  progress("checking that every session is reached");
  const [connection] = swarm.connect(target.publish, 1);
  swarm.run(performance.now() + 200);
  new Publisher(connection!, tally, job.size).sendOne();
  swarm.run(performance.now() + REACH_WITHIN, undefined, () => tally.deliveries >= sessions);
  const reached = subscribers.filter((subscriber) => subscriber.reader?.last === 0).length;
  tally.faults.undelivered = sessions - reached;
  swarm.close();

  return {
    kind: "idle",
    rssEmpty,
    rssOpen,
    perSession: (rssOpen - rssEmpty) / sessions,
    opening,
    reached,
    faults: tally.faults,
  };
}
