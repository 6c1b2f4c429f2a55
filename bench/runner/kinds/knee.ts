// Sweeps: measures rates step by step until the knee is found.
import type { Adapter } from "../../adapter.ts";
import { DISTURBED, RIG_BOUND } from "../../report/verdict.ts";
import type { KneeResult, Window } from "../../results.ts";
import type { Scenario } from "../../scenarios.ts";
import { findKnee, type Knee, type Outcome, rateOf, rungOf } from "../knee.ts";
import type { Pace } from "../pace.ts";
import { Rig, type Say } from "../rig.ts";

/** The largest accepted p99, in ms. */
export const MAX_P99_MS = 100;
/** Deliveries per second at the first rate of a sweep. */
const START_DELIVERIES_PER_SECOND = 50_000;
/** Maximum number of attempts at a rate. Only windows disturbed by other processes are repeated. */
const MAX_ATTEMPTS = 3;
/**
 * A share of the p99 limit. If the generator's passes over its sockets are further apart than this, the generator may
 * have caused the latency.
 */
const RIG_LATENCY_SHARE = 0.5;

/** Returns true if every message arrived, unchanged and in order. */
export function faultless({ delivered, faults }: Window): boolean {
  return delivered === 1 && Object.values(faults).every((count) => count === 0);
}

export function outcomeOf(window: Window): Outcome {
  return !faultless(window) ? "bad" : window.latency.p99 <= MAX_P99_MS ? "good" : "late";
}

export class Sweep {
  /** The knee of the previous run. */
  #hint: number | undefined;
  /** Number of disturbed attempts per rate. */
  #disturbed = new Map<number, number>();

  constructor(
    readonly adapter: Adapter,
    readonly scenario: Scenario,
    readonly pace: Pace,
  ) {}

  /** Runs one sweep. A server that lost messages, or delayed them beyond the grace period, is replaced by a new one. */
  async run(say: Say): Promise<KneeResult> {
    const windows = new Map<number, Window>();
    const hint = this.#hint;
    this.#disturbed.clear();
    const found: Knee = { good: undefined, bad: undefined };
    for (let finished = false; !finished;) {
      finished = await Rig.use(this.adapter, this.scenario, say, async (rig) => {
        await rig.connectAll();
        if (hint !== undefined) await this.#warmUp(rig, hint);
        const outcome = await this.#search(rig, windows, hint ?? this.#start());
        if (outcome) Object.assign(found, outcome);
        return outcome !== undefined;
      });
    }
    const { good, bad } = found;
    this.#hint = good;
    const failed = bad === undefined ? undefined : windows.get(bad);
    const rigBound =
      failed !== undefined &&
      (failed.rig.cpu > RIG_BOUND || failed.rig.lookP99 > MAX_P99_MS * RIG_LATENCY_SHARE);
    return {
      kind: "knee",
      bound: MAX_P99_MS,
      windows: [...windows.values()].sort((a, b) => a.rate - b.rate),
      knee: good === undefined ? undefined : windows.get(good),
      limit: bad === undefined ? "sweep" : rigBound ? "rig" : "server",
    };
  }

  /** Continues the search. Returns undefined if the search needs a new server to continue. */
  async #search(rig: Rig, windows: Map<number, Window>, start: number) {
    let needsNewServer = false;
    const newServerNeeded = new Error("the sweep needs a new server");
    const attempt = async (rung: number): Promise<Outcome> => {
      const known = windows.get(rung);
      if (known) return outcomeOf(known);
      if (needsNewServer) throw newServerNeeded;
      const window = await this.#try(rig, rung);
      needsNewServer = !faultless(window);
      const outcome = outcomeOf(window);
      if (outcome === "good" || !this.#forgive(rung, window)) windows.set(rung, window);
      return needsNewServer || windows.has(rung) ? outcome : attempt(rung);
    };
    try {
      return await findKnee(start, this.#hint !== undefined, attempt);
    } catch (error) {
      if (error === newServerNeeded) return undefined;
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

  /** Returns true if other processes may have caused the failure. Such a failure does not count. */
  #forgive(rung: number, window: Window): boolean {
    const tries = this.#disturbed.get(rung) ?? 1;
    this.#disturbed.set(rung, tries + 1);
    return window.others > DISTURBED && tries < MAX_ATTEMPTS;
  }

  async #warmUp(rig: Rig, hint: number): Promise<void> {
    rig.say("warming up");
    const { gentle, grace } = this.pace;
    await rig.window({ rate: Math.ceil(rateOf(hint) / 4), warmup: 0, seconds: gentle, grace });
  }

  #start(): number {
    const { rate, subscribers } = this.scenario;
    if (rate !== undefined) return rungOf(rate);
    const rooms = Math.max(...subscribers.map((spec) => spec.rooms ?? 1));
    const receivers = subscribers.reduce((sum, { count }) => sum + count, 0) / rooms;
    return rungOf(START_DELIVERIES_PER_SECOND / receivers);
  }
}
