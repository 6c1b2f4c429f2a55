// The governor: limits the share of each event-loop tick that deferred work may take.

/** Work that is done in pieces. A piece takes well under a millisecond. */
export interface Work {
  /** Does the next piece. Returns true if another piece can be done now. */
  piece(): boolean;
}

export interface GovernorLimits {
  /** The minimum time for deferred work per tick, in ms, no matter how short the tick is. */
  minMs: number;
  /** The maximum time for deferred work per tick, in ms. */
  maxMs: number;
  /**
   * Between these limits, deferred work gets this fraction of the time that all other work took in the previous tick.
   */
  share: number;
  /** The maximum number of pieces per tick. */
  tickPieces: number;
}

/**
 * A caller that awaits a tick. Its continuation runs after the governor's own work and may use the rest of the share.
 */
class WaitingPromise implements Work {
  constructor(readonly take: (ms: number) => void) {}

  piece(): boolean {
    return false;
  }
}

/**
 * The two lanes of deferred work: for clients that are connecting, and for connected clients. Each lane makes progress
 * no matter how full the other lane is.
 */
export type Lane = "connecting" | "connected";

export class Governor {
  /** The deferred work per lane, next piece first. */
  readonly #lanes: Record<Lane, Set<Work>> = { connecting: new Set(), connected: new Set() };
  /** The time for deferred work in this tick, in ms. */
  #budget: number;
  /** The time already spent on deferred work in this tick, in ms. */
  #spent = 0;
  /** The number of pieces done in this tick. */
  #pieces = 0;
  #scheduled = false;
  /** Whether the next piece comes from the lane of connecting clients. */
  #connectingIsNext = true;
  /** The number of ticks in which deferred work took time. */
  tick = 0;
  /** When this tick began; 0 if the governor was idle at that time. */
  #began = 0;

  /**
   * @param limits may be changed at any time
   * @param now a monotonic clock, in ms
   */
  constructor(
    readonly limits: GovernorLimits = { minMs: 0.5, maxMs: 5, share: 0.5, tickPieces: 64 },
    readonly now: () => number = () => performance.now(),
  ) {
    this.#budget = limits.minMs;
  }

  /** Whether deferred work may take more time in this tick. */
  get open(): boolean {
    return this.#spent < this.#budget && this.#pieces < this.limits.tickPieces;
  }

  /**
   * Does the work in pieces: the first piece now if this tick has time left for deferred work, the rest in later ticks.
   */
  run(work: Work): void {
    if (this.#lanes.connected.has(work)) return;
    if (!this.open || this.charge(() => work.piece())) this.defer(work);
  }

  /** Does the work in later ticks. */
  defer(work: Work, lane: Lane = "connected"): void {
    this.#lanes[lane].add(work);
    this.#schedule();
  }

  /** Runs a function now, and counts its time against this tick's share. */
  charge<T>(work: () => T): T {
    const began = this.now();
    try {
      return work();
    } finally {
      this.#pieces++;
      this.spend(this.now() - began);
    }
  }

  /** Counts time against this tick's share, in ms. */
  spend(ms: number): void {
    this.#spent += ms;
    this.#schedule();
  }

  /**
   * Resolves in a later tick with the time that the caller may use in that tick, in ms. Only one caller continues per
   * tick.
   */
  next(): Promise<number> {
    return new Promise((take) => this.defer(new WaitingPromise(take)));
  }

  /** A tick ends when the next immediate runs: Bun polls its sockets between two immediates. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#tick());
  }

  #tick(): void {
    this.#scheduled = false;
    this.#begin();
    const { connecting, connected } = this.#lanes;
    try {
      while (this.open) {
        const lane = this.#nextLane();
        const [work] = lane;
        if (work === undefined) break;
        if (work instanceof WaitingPromise) {
          // Too little of the share is left. This caller continues first in the next tick.
          if (this.#spent > this.#budget / 2) break;
          lane.delete(work);
          work.take(this.#budget - this.#spent);
          this.#spent = this.#budget;
          break;
        }
        // Move the work to the end of its lane, so that every session gets a piece before any session gets a second
        // one.
        lane.delete(work);
        if (this.charge(() => work.piece())) lane.add(work);
      }
    } finally {
      if (connecting.size + connected.size > 0) this.#schedule();
      else this.#began = 0;
    }
  }

  /** Returns the lane for the next piece. Lanes alternate. */
  #nextLane(): Set<Work> {
    const { connecting, connected } = this.#lanes;
    const first = this.#connectingIsNext ? connecting : connected;
    this.#connectingIsNext = !this.#connectingIsNext;
    if (first.size > 0) return first;
    return first === connecting ? connected : connecting;
  }

  /** Sets this tick's share. While work is waiting, Bun does not sleep, so the previous tick contains no idle time. */
  #begin(): void {
    const { minMs, maxMs, share } = this.limits;
    const now = this.now();
    const otherMs = this.#began > 0 ? now - this.#began - this.#spent : 0;
    this.#budget = Math.min(maxMs, Math.max(minMs, otherMs * share));
    this.#began = now;
    this.#spent = 0;
    this.#pieces = 0;
    this.tick++;
  }
}

/** The governor for this process: there is one per event loop. */
export const governor: Governor = new Governor();
