// The fan-out job: one publisher, many subscribers, every delivery checked.
import type { FanoutJob, FanoutResult } from "../jobs.ts";
import { cpuSeconds, machineCpuSeconds, residentBytes } from "./process-usage.ts";
import { Publisher } from "./publisher.ts";
import { Swarm } from "./swarm.ts";
import { Tally, millisecondsAt } from "./tally.ts";

interface Usage {
  at: number;
  deliveries: number;
  server: number;
  rig: number;
  machine: number;
}

function usage(tally: Tally, pid: number): Usage {
  const own = process.cpuUsage();
  return {
    at: performance.now(),
    deliveries: tally.deliveries,
    server: cpuSeconds(pid),
    rig: (own.user + own.system) / 1e6,
    machine: machineCpuSeconds(),
  };
}

export function runFanout(job: FanoutJob, progress: (text: string) => void): FanoutResult {
  const { target, rate, warmup, seconds } = job;
  const tally = new Tally();
  const swarm = new Swarm(target.port, tally, job.size);
  progress(`opening ${job.subscribers} sessions`);
  const subscribers = swarm.connect(target.subscribe, job.subscribers);
  const [connection] = swarm.connect(target.publish, 1);
  const publisher = new Publisher(connection!, tally, job.size);
  swarm.run(performance.now() + 300);

  progress("warming up");
  publisher.plan(Math.ceil(performance.now()) + 1, rate / 4, job.gentle);
  swarm.run(performance.now() + job.gentle * 1000 + 100, publisher);
  tally.windowFrom = publisher.sent + Math.round(rate * warmup);
  tally.windowTo = publisher.sent + Math.round(rate * (warmup + seconds));
  const start = Math.ceil(performance.now()) + 1;
  const from = start + warmup * 1000;
  publisher.plan(start, rate, warmup + seconds);
  swarm.run(from, publisher);
  const before = usage(tally, target.pid);
  for (let second = 0; second < seconds; second++) {
    progress(`measuring, ${Math.ceil(seconds - second)} s left`);
    swarm.run(from + Math.min(seconds, second + 1) * 1000, publisher);
  }
  const after = usage(tally, target.pid);
  const rss = residentBytes(target.pid);

  progress("waiting for the last messages");
  const final = tally.windowTo - 1;
  const complete = () => subscribers.every((subscriber) => (subscriber.reader?.last ?? -1) >= final);
  // Looking at every subscriber each turn is cheap enough now that the window is over.
  swarm.run(performance.now() + job.grace * 1000, publisher, complete);
  for (const subscriber of subscribers)
    tally.faults.undelivered += Math.max(0, final - (subscriber.reader?.last ?? -1));
  swarm.close();

  const elapsed = (after.at - before.at) / 1000;
  const deliveries = after.deliveries - before.deliveries;
  const serverSeconds = after.server - before.server;
  const rigSeconds = after.rig - before.rig;
  const others = after.machine - before.machine - serverSeconds - rigSeconds;
  const { latency } = tally;
  return {
    kind: "fanout",
    delivered: tally.matched / ((tally.windowTo - tally.windowFrom) * subscribers.length),
    perSecond: deliveries / elapsed,
    latency: {
      p50: millisecondsAt(latency, 50),
      p99: millisecondsAt(latency, 99),
      p999: millisecondsAt(latency, 99.9),
      max: millisecondsAt(latency, 100),
    },
    faults: tally.faults,
    server: {
      cpu: serverSeconds / elapsed,
      microsPerDelivery: deliveries === 0 ? 0 : (serverSeconds * 1e6) / deliveries,
      rss,
    },
    rig: {
      cpu: rigSeconds / elapsed,
      lagP50: millisecondsAt(publisher.lag, 50),
      lagP99: millisecondsAt(publisher.lag, 99),
      lagMax: millisecondsAt(publisher.lag, 100),
    },
    others: Math.max(0, others / elapsed),
  };
}
