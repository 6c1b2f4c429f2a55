// The governor: work that can be deferred shares each event-loop tick with the work that cannot wait.

/** Work that is done in pieces. A piece takes well under a millisecond. */
export interface Work {
  /** Does the next piece. True if there is more that can be done now. */
  piece(): boolean;
}

export interface GovernorLimits {
  /** The time that deferred work has in every tick, in ms, however short the tick is otherwise. */
  minMs: number;
  /** The most time that deferred work has in one tick, in ms. */
  maxMs: number;
  /** In long ticks, deferred work has this part of the time that all other work took in the tick before. */
  share: number;
  /** The most pieces per tick. */
  tickPieces: number;
}

/** A promise that waits for its tick. Its continuation runs after the governor, so it gets what is left of the share. */
class Turn implements Work {
  constructor(readonly take: (ms: number) => void) {}

  piece(): boolean {
    return false;
  }
}

/** Work for clients that connect, and for clients that are connected: both lanes progress, however long the other one is. */
export type Lane = "connecting" | "connected";

export class Governor {
  readonly #lanes: Record<Lane, Set<Work>> = { connecting: new Set(), connected: new Set() };
  #budget: number;
  #spent = 0;
  #pieces = 0;
  #scheduled = false;
  #connectingIsNext = true;
  /** Counts the ticks in which anything was spent. */
  tick = 0;
  /** When this tick began; 0 where the governor did not see it begin. */
  #began = 0;

  /** @param limits may be changed at any time. @param now a monotonic clock, in ms */
  constructor(
    readonly limits: GovernorLimits = { minMs: 0.5, maxMs: 5, share: 0.5, tickPieces: 64 },
    readonly now: () => number = () => performance.now(),
  ) {
    this.#budget = limits.minMs;
  }

  /** Whether this tick's share has something left. */
  get open(): boolean {
    return this.#spent < this.#budget && this.#pieces < this.limits.tickPieces;
  }

  /** Does a piece of the work now if the tick's share allows it, and the rest in later ticks. */
  run(work: Work): void {
    if (this.#lanes.connected.has(work)) return;
    if (!this.open || this.charge(() => work.piece())) this.defer(work);
  }

  /** Does the work in later ticks. */
  defer(work: Work, lane: Lane = "connected"): void {
    this.#lanes[lane].add(work);
    this.#schedule();
  }

  /** Does something now whose time counts against this tick's share. */
  charge<T>(work: () => T): T {
    const began = this.now();
    try {
      return work();
    } finally {
      this.#pieces++;
      this.spend(this.now() - began);
    }
  }

  /** Counts time that was spent in this tick, in ms. */
  spend(ms: number): void {
    this.#spent += ms;
    this.#schedule();
  }

  /** Resolves in a later tick, with the time that the caller may spend in it, in ms. One caller continues per tick. */
  next(): Promise<number> {
    return new Promise((take) => this.defer(new Turn(take)));
  }

  /** A tick ends where the next immediate runs: between two of them Bun looks at its sockets. */
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
        if (work instanceof Turn) {
          // Too little is left for it: it is the first of the next tick.
          if (this.#spent > this.#budget / 2) break;
          lane.delete(work);
          work.take(this.#budget - this.#spent);
          this.#spent = this.#budget;
          break;
        }
        // To the end of the lane: every session gets a piece before any gets a second one.
        lane.delete(work);
        if (this.charge(() => work.piece())) lane.add(work);
      }
    } finally {
      if (connecting.size + connected.size > 0) this.#schedule();
      else this.#began = 0;
    }
  }

  /** The lanes take turns, one piece each. */
  #nextLane(): Set<Work> {
    const { connecting, connected } = this.#lanes;
    const first = this.#connectingIsNext ? connecting : connected;
    this.#connectingIsNext = !this.#connectingIsNext;
    if (first.size > 0) return first;
    return first === connecting ? connected : connecting;
  }

  /** Sets this tick's share. While work waits Bun does not sleep: what the last tick took was spent on something. */
  #begin(): void {
    const { minMs, maxMs, share } = this.limits;
    const now = this.now();
    const others = this.#began > 0 ? now - this.#began - this.#spent : 0;
    this.#budget = Math.min(maxMs, Math.max(minMs, others * share));
    this.#began = now;
    this.#spent = 0;
    this.#pieces = 0;
    this.tick++;
  }
}

/** The event loop is one per process, and so is its governor. */
export const governor: Governor = new Governor();
