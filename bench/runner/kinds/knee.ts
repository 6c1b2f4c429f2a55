// Rates swept up to the knee.
import type { Adapter } from "../../adapter.ts";
import { DISTURBED, RIG_BOUND } from "../../report/verdict.ts";
import type { KneeResult, Window } from "../../results.ts";
import type { Scenario } from "../../scenarios.ts";
import { findKnee, type Knee, type Outcome, rateOf, rungOf } from "../knee.ts";
import type { Pace } from "../pace.ts";
import { Rig, type Say } from "../rig.ts";

/** The p99 that is still in time, in ms. */
export const BOUND = 100;
/** Deliveries a second that a sweep begins with. */
const MODEST = 50_000;
/** A rate that failed in a window that other processes disturbed is tried so often. */
const TRIES = 3;
/** A generator that looks at its sockets so seldom, as a share of the bound, may be why a rate was late. */
const RIG_SHARE = 0.5;

/** All that was to arrive did, as it was sent. */
export function faultless({ delivered, faults }: Window): boolean {
  return delivered === 1 && Object.values(faults).every((count) => count === 0);
}

export function outcomeOf(window: Window): Outcome {
  return !faultless(window) ? "bad" : window.latency.p99 <= BOUND ? "good" : "late";
}

export class Sweep {
  /** Where the knee was found before. */
  #hint: number | undefined;
  /** How often each rate was tried in vain because of other processes. */
  #disturbed = new Map<number, number>();

  constructor(
    readonly adapter: Adapter,
    readonly scenario: Scenario,
    readonly pace: Pace,
  ) {}

  /** A server that has lost or delayed messages beyond the grace is not asked again: a fresh one is. */
  async run(say: Say): Promise<KneeResult> {
    const windows = new Map<number, Window>();
    const hint = this.#hint;
    this.#disturbed.clear();
    const found: Knee = { good: undefined, bad: undefined };
    for (let finished = false; !finished;) {
      finished = await Rig.use(this.adapter, this.scenario, say, async (rig) => {
        await rig.connectAll();
        if (hint !== undefined) await this.#gently(rig, hint);
        const outcome = await this.#search(rig, windows, hint ?? this.#start());
        if (outcome) Object.assign(found, outcome);
        return outcome !== undefined;
      });
    }
    const { good, bad } = found;
    this.#hint = good;
    const failed = bad === undefined ? undefined : windows.get(bad);
    const rigBound =
      failed !== undefined && (failed.rig.cpu > RIG_BOUND || failed.rig.lookP99 > BOUND * RIG_SHARE);
    return {
      kind: "knee",
      bound: BOUND,
      windows: [...windows.values()].sort((a, b) => a.rate - b.rate),
      knee: good === undefined ? undefined : windows.get(good),
      limit: bad === undefined ? "sweep" : rigBound ? "rig" : "server",
    };
  }

  /** Goes on where a search had got to; undefined when it takes a fresh server to go on. */
  async #search(rig: Rig, windows: Map<number, Window>, start: number) {
    let spoilt = false;
    const stop = new Error("spoilt");
    const attempt = async (rung: number): Promise<Outcome> => {
      const known = windows.get(rung);
      if (known) return outcomeOf(known);
      if (spoilt) throw stop;
      const window = await this.#try(rig, rung);
      spoilt = !faultless(window);
      const outcome = outcomeOf(window);
      if (outcome === "good" || !this.#forgive(rung, window)) windows.set(rung, window);
      return spoilt || windows.has(rung) ? outcome : attempt(rung);
    };
    try {
      return await findKnee(start, this.#hint !== undefined, attempt);
    } catch (error) {
      if (error === stop) return undefined;
      throw error;
    }
  }

  async #try(rig: Rig, rung: number): Promise<Window> {
    const rate = rateOf(rung);
    rig.say(`${rate.toLocaleString("en")} msg/s`);
    const { warmup, step, grace } = this.pace;
    const { window } = await rig.window({ rate, warmup: Math.min(warmup, step / 2), seconds: step, grace });
    return window;
  }

  /** Whether a failure may be due to other processes, and is not to count. */
  #forgive(rung: number, window: Window): boolean {
    const tries = this.#disturbed.get(rung) ?? 1;
    this.#disturbed.set(rung, tries + 1);
    return window.others > DISTURBED && tries < TRIES;
  }

  async #gently(rig: Rig, hint: number): Promise<void> {
    rig.say("warming up");
    const { gentle, grace } = this.pace;
    await rig.window({ rate: Math.ceil(rateOf(hint) / 4), warmup: 0, seconds: gentle, grace });
  }

  #start(): number {
    const { rate, subscribers } = this.scenario;
    if (rate !== undefined) return rungOf(rate);
    const rooms = Math.max(...subscribers.map((spec) => spec.rooms ?? 1));
    const receivers = subscribers.reduce((sum, { count }) => sum + count, 0) / rooms;
    return rungOf(MODEST / receivers);
  }
}
