// One measured window: publishes by plan, times the deliveries, and counts the expected ones.
import type { Assignment, Party, WindowPart, WindowPlan } from "../commands.ts";
import { Churn } from "./churn.ts";
import { now as clockNow, verifyClock } from "./clock.ts";
import type { Entrance } from "./entrance.ts";
import { Load } from "./load.ts";
import type { Member } from "./members.ts";
import type { Clock, Swarm } from "./swarm.ts";
import { encodeHistogram } from "./tally.ts";
import { Timeline } from "./timeline.ts";
import { cpuSeconds, machineCpuSeconds, residentBytes } from "./usage.ts";

const POLL_MS = 10;

export interface Guests {
  party: Party;
  members: Member[];
}

interface Usage {
  at: number;
  deliveries: number;
  cpu: { server: number; rig: number; machine: number };
}

/** The process state that a window uses. */
export interface Stage {
  assignment: Assignment;
  swarm: Swarm;
  parties: ReadonlyMap<string, Guests>;
  guests(party: string): Guests;
  /** Starts to connect a party. */
  enter(party: Party): Entrance;
}

export class Window {
  readonly #members: Member[];
  readonly #expected: number;
  readonly #load: Load;
  readonly #from: number;
  readonly #to: number;

  constructor(
    readonly stage: Stage,
    readonly plan: WindowPlan,
  ) {
    const { start, rate, warmup, seconds } = plan;
    const { streams } = stage.swarm.tally;
    this.#members = [...stage.parties.values()].flatMap(({ members }) => members);
    this.#from = start + warmup * 1000;
    this.#to = this.#from + seconds * 1000;
    // The number of deliveries to members that churn is unknown.
    if (plan.churn)
      for (const { receiver } of stage.guests(plan.churn.party).members)
        if (receiver) receiver.counts = false;
    const before = Math.round(rate * warmup);
    const messages = Math.round(rate * (warmup + seconds));
    const turn = streams.next.reduce((sum, next) => sum + next, 0);
    const senders = this.#members.flatMap(({ sender }) => sender ?? []);
    streams.plan(before, turn);
    const shares = streams.plan(messages - before, turn + before);
    this.#expected = this.#expectedDeliveries(shares);
    this.#load = new Load(senders, { start, rate, messages, turn, timedFrom: this.#from });
  }

  run(): WindowPart {
    const { stage, plan } = this;
    const { swarm } = stage;
    const { tally } = swarm;
    tally.begin(this.#from, this.#to);
    const clocks: Clock[] = [this.#load];
    if (plan.churn) clocks.push(this.#churn(plan.churn));
    swarm.run(this.#from, clocks);
    const timeline = plan.timeline ? new Timeline(stage.assignment.pid, tally, this.#from) : undefined;
    if (timeline) clocks.push(timeline);
    const entrance = plan.join ? stage.enter(plan.join) : undefined;
    if (entrance) clocks.push(entrance);
    const before = this.#usage();
    swarm.looks.reset();
    swarm.run(this.#to, clocks);
    const looks = encodeHistogram(swarm.looks);
    const after = this.#usage();
    const rss = residentBytes(stage.assignment.pid);
    if (entrance) swarm.run(Infinity, clocks, () => entrance.done);
    this.#finish(clocks);
    verifyClock();
    return { ...this.#part(before, after, rss), looks, ...this.#extras(entrance, timeline) };
  }

  /** Waits for messages in flight, at most the grace period of the plan. */
  #finish(clocks: Clock[]): void {
    const { swarm } = this.stage;
    let nextPoll = 0;
    const complete = () => {
      const now = clockNow();
      if (now < nextPoll) return false;
      nextPoll = now + POLL_MS;
      return this.#load.done && this.undelivered() === 0;
    };
    swarm.run(this.#to + this.plan.grace * 1000, clocks, complete);
    swarm.tally.faults.undelivered = this.undelivered();
  }

  undelivered(): number {
    return undelivered(this.#members, this.stage.swarm);
  }

  #expectedDeliveries(shares: readonly number[]): number {
    const { streams } = this.stage.swarm.tally;
    const perRoom: number[] = [];
    const own = new Map<number, number>();
    for (const { receiver, connection } of this.#members) {
      if (!receiver?.counts || connection?.closed) continue;
      perRoom[receiver.room] = (perRoom[receiver.room] ?? 0) + 1;
      if (receiver.own >= 0) own.set(receiver.own, 1);
    }
    const of = (stream: number) => (perRoom[streams.room[stream]!] ?? 0) - (own.get(stream) ?? 0);
    return shares.reduce((sum, share, stream) => sum + share * of(stream), 0);
  }

  #churn({ party, perSecond }: { party: string; perSecond: number }): Churn {
    const { swarm, assignment } = this.stage;
    return new Churn(swarm, this.stage.guests(party), perSecond, assignment.size, this.plan.start);
  }

  #usage(): Usage {
    const own = process.cpuUsage();
    return {
      at: clockNow(),
      deliveries: this.stage.swarm.tally.deliveries,
      cpu: {
        server: cpuSeconds(this.stage.assignment.pid),
        rig: (own.user + own.system) / 1e6,
        machine: machineCpuSeconds(),
      },
    };
  }

  #extras(entrance?: Entrance, timeline?: Timeline): Pick<WindowPart, "joined" | "timeline"> {
    return {
      ...(entrance ? { joined: entrance.result() } : {}),
      ...(timeline ? { timeline: timeline.moments } : {}),
    };
  }

  #part(before: Usage, after: Usage, rss: number): Omit<WindowPart, "looks"> {
    const { tally } = this.stage.swarm;
    return {
      expected: this.#expected,
      matched: tally.matched,
      deliveries: after.deliveries - before.deliveries,
      elapsed: (after.at - before.at) / 1000,
      latency: encodeHistogram(tally.latency),
      lag: encodeHistogram(this.#load.lag),
      faults: tally.faults,
      cpu: {
        server: after.cpu.server - before.cpu.server,
        rig: after.cpu.rig - before.cpu.rig,
        machine: after.cpu.machine - before.cpu.machine,
      },
      rss,
    };
  }
}

/** Counts the messages that counted members have not received yet. */
export function undelivered(members: readonly Member[], swarm: Swarm): number {
  const { streams } = swarm.tally;
  let missing = 0;
  for (const { receiver, connection } of members) {
    if (!receiver?.counts || connection?.closed) continue;
    for (const stream of streams.ofRoom[receiver.room] ?? []) {
      if (stream === receiver.own) continue;
      const last = receiver.positions[streams.place[stream]!];
      // A late member may start with any message.
      if (last === undefined && receiver.late) continue;
      missing += streams.next[stream]! - 1 - (last ?? -1);
    }
  }
  return missing;
}
