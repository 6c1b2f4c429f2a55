// The connection throttle: new sessions are admitted a few per event-loop tick, so that present sessions do not wait.

/** So many a turn: each takes about as long as a publication to a hundred sockets. */
const CONNECTIONS_PER_TICK = 4;
/** So many that wait are looked at in one turn, with those that have left. */
const CHECKS_PER_TICK = 256;

/** A newcomer that waits. */
interface Waiting {
  readonly hasLeft: () => boolean;
  readonly go: (passed: boolean) => void;
}

export class ConnectionThrottle {
  #passed = 0;
  #waiting: Waiting[] = [];
  #scheduled = false;

  /**
   * Nothing where a newcomer may go on at once; else a promise for its turn. They go in the order in which they came.
   * @param hasLeft whether the client is no longer there: it takes no turn, and the promise resolves with `false`
   */
  pass(hasLeft: () => boolean): Promise<boolean> | undefined {
    this.#schedule();
    if (this.#waiting.length === 0 && this.#passed < CONNECTIONS_PER_TICK) {
      this.#passed++;
      return undefined;
    }
    return new Promise((go) => this.#waiting.push({ hasLeft, go }));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Between two of these Bun looks at all of its sockets.
    setImmediate(() => this.#tick());
  }

  #tick(): void {
    this.#scheduled = false;
    const next: Waiting[] = [];
    let looked = 0;
    for (const waiting of this.#waiting) {
      if (next.length === CONNECTIONS_PER_TICK || looked === CHECKS_PER_TICK) break;
      looked++;
      if (waiting.hasLeft()) waiting.go(false);
      else next.push(waiting);
    }
    this.#waiting.splice(0, looked);
    this.#passed = next.length;
    if (next.length > 0 || this.#waiting.length > 0) this.#schedule();
    for (const { go } of next) go(true);
  }
}
