// Runs one measured window: publishes as planned, times the deliveries, and computes the expected number of them.
import type { Assignment, Party, WindowPart, WindowPlan } from "../commands.ts";
import { Churn } from "./churn.ts";
import { now as clockNow, verifyClock } from "./clock.ts";
import type { ConnectionOpener } from "./connection-opener.ts";
import { Load } from "./load.ts";
import type { Member } from "./members.ts";
import type { Clock, SocketLoop } from "./socket-loop.ts";
import { encodeHistogram } from "./tally.ts";
import { Timeline } from "./timeline.ts";
import { cpuSeconds, machineCpuSeconds, residentBytes } from "./usage.ts";

const POLL_MS = 10;

export interface ConnectedParty {
  party: Party;
  members: Member[];
}

interface Usage {
  at: number;
  deliveries: number;
  cpu: { server: number; rig: number; machine: number };
}

/** The process state that a window uses. */
export interface WindowContext {
  assignment: Assignment;
  loop: SocketLoop;
  parties: ReadonlyMap<string, ConnectedParty>;
  connected(party: string): ConnectedParty;
  /** Starts connecting a party. */
  enter(party: Party): ConnectionOpener;
}

export class Window {
  readonly #members: Member[];
  readonly #expected: number;
  readonly #load: Load;
  readonly #from: number;
  readonly #to: number;

  constructor(
    readonly context: WindowContext,
    readonly plan: WindowPlan,
  ) {
    const { start, rate, warmup, seconds } = plan;
    const { streams } = context.loop.tally;
    this.#members = [...context.parties.values()].flatMap(({ members }) => members);
    this.#from = start + warmup * 1000;
    this.#to = this.#from + seconds * 1000;
    // The number of deliveries to churning members cannot be predicted.
    if (plan.churn)
      for (const { receiver } of context.connected(plan.churn.party).members)
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
    const { context, plan } = this;
    const { loop } = context;
    const { tally } = loop;
    tally.begin(this.#from, this.#to);
    const clocks: Clock[] = [this.#load];
    if (plan.churn) clocks.push(this.#churn(plan.churn));
    loop.run(this.#from, clocks);
    const timeline = plan.timeline ? new Timeline(context.assignment.pid, tally, this.#from) : undefined;
    if (timeline) clocks.push(timeline);
    const opener = plan.join ? context.enter(plan.join) : undefined;
    if (opener) clocks.push(opener);
    const before = this.#usage();
    loop.passIntervals.reset();
    loop.run(this.#to, clocks);
    const passIntervals = encodeHistogram(loop.passIntervals);
    const after = this.#usage();
    const rss = residentBytes(context.assignment.pid);
    if (opener) loop.run(Infinity, clocks, () => opener.done);
    this.#finish(clocks);
    verifyClock();
    return { ...this.#part(before, after, rss), passIntervals, ...this.#extras(opener, timeline) };
  }

  /** Waits for messages in flight, for at most the plan's grace period. */
  #finish(clocks: Clock[]): void {
    const { loop } = this.context;
    let nextPoll = 0;
    const complete = () => {
      const now = clockNow();
      if (now < nextPoll) return false;
      nextPoll = now + POLL_MS;
      return this.#load.done && this.undelivered() === 0;
    };
    loop.run(this.#to + this.plan.grace * 1000, clocks, complete);
    loop.tally.faults.undelivered = this.undelivered();
  }

  undelivered(): number {
    return undelivered(this.#members, this.context.loop);
  }

  #expectedDeliveries(shares: readonly number[]): number {
    const { streams } = this.context.loop.tally;
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
    const { loop, assignment } = this.context;
    return new Churn(loop, this.context.connected(party), perSecond, assignment.size, this.plan.start);
  }

  #usage(): Usage {
    const own = process.cpuUsage();
    return {
      at: clockNow(),
      deliveries: this.context.loop.tally.deliveries,
      cpu: {
        server: cpuSeconds(this.context.assignment.pid),
        rig: (own.user + own.system) / 1e6,
        machine: machineCpuSeconds(),
      },
    };
  }

  #extras(opener?: ConnectionOpener, timeline?: Timeline): Pick<WindowPart, "joined" | "timeline"> {
    return {
      ...(opener ? { joined: opener.result() } : {}),
      ...(timeline ? { timeline: timeline.moments } : {}),
    };
  }

  #part(before: Usage, after: Usage, rss: number): Omit<WindowPart, "passIntervals"> {
    const { tally } = this.context.loop;
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
export function undelivered(members: readonly Member[], loop: SocketLoop): number {
  const { streams } = loop.tally;
  let missing = 0;
  for (const { receiver, connection } of members) {
    if (!receiver?.counts || connection?.closed) continue;
    for (const stream of streams.ofRoom[receiver.room] ?? []) {
      if (stream === receiver.own) continue;
      const last = receiver.positions[streams.place[stream]!];
      // A member that joined late may start with any message.
      if (last === undefined && receiver.late) continue;
      missing += streams.next[stream]! - 1 - (last ?? -1);
    }
  }
  return missing;
}
