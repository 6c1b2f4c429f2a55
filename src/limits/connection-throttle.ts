// The connection throttle: sessions begin in the governor's share of each event-loop tick, in the order of their requests.
import { type Governor, governor as shared, type Work } from "../scheduling/governor.ts";

/** Waiting requests that one piece examines at most. Clients that disconnected in the meantime cost no share. */
const MAX_CHECKS_PER_PIECE = 256;
/** CPU time that Bun spends on a new connection before and after the handler, in ms. */
const CONNECTION_MS = 0.05;

/** Begun requests that stay in the queue at most. */
const MAX_BEGUN = 1024;

interface Waiting {
  readonly hasLeft: () => boolean;
  readonly begin: () => void;
  readonly skip: () => void;
}

export class ConnectionThrottle implements Work {
  #waiting: Waiting[] = [];
  /** Requests before this index have begun. */
  #next = 0;

  constructor(readonly governor: Governor = shared) {}

  /**
   * Begins a session now if this tick's share allows it and no other request waits; otherwise in a later tick.
   * @param begin begins the session
   * @param hasLeft whether the client has disconnected; then `skip` is called instead of `begin`
   */
  run<T>(begin: () => T | Promise<T>, hasLeft: () => boolean, skip: () => T): T | Promise<T> {
    if (this.#waiting.length === 0 && this.governor.open) return this.#begin(begin);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const later = () => {
      try {
        resolve(begin());
      } catch (error) {
        reject(error as Error);
      }
    };
    this.#waiting.push({ hasLeft, begin: later, skip: () => resolve(skip()) });
    this.governor.defer(this, "connecting");
    return promise;
  }

  /** Begins the next session, as a piece of the governor's work. True if other requests wait. */
  piece(): boolean {
    for (let checks = 0; checks < MAX_CHECKS_PER_PIECE && this.#next < this.#waiting.length; checks++) {
      const { hasLeft, begin, skip } = this.#waiting[this.#next++] as Waiting;
      if (hasLeft()) {
        skip();
        continue;
      }
      this.governor.spend(CONNECTION_MS);
      begin();
      break;
    }
    // Begun requests are removed in groups: removing one copies the rest of the array.
    if (this.#next >= MAX_BEGUN || this.#next === this.#waiting.length) {
      this.#waiting.splice(0, this.#next);
      this.#next = 0;
    }
    return this.#waiting.length > 0;
  }

  #begin<T>(begin: () => T): T {
    this.governor.spend(CONNECTION_MS);
    return this.governor.charge(begin);
  }
}
