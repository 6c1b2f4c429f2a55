// The connection throttle: begins sessions in request order, within the governor's share of each event-loop tick.
import { type Governor, governor as shared, type Work } from "../scheduling/governor.ts";

/**
 * Maximum number of waiting requests examined per piece of work. Without this bound, a piece could examine any number
 * of requests whose client has disconnected, because they do not count against the tick's share.
 */
const MAX_CHECKS_PER_PIECE = 256;
/** CPU time that Bun spends on a new connection before and after the handler, in ms. */
const CONNECTION_MS = 0.05;

/** Maximum number of requests that remain in the queue after they have begun. */
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
   * Begins a session now if no other request is waiting and this tick's share allows it; otherwise in a later tick.
   * @param begin begins the session
   * @param hasLeft whether the client has disconnected; if so, `skip` is called instead of `begin`
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

  /** Begins the next session, as a piece of the governor's work. Returns true if more requests are waiting. */
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
    // Begun requests are removed in groups, because each removal copies the rest of the array.
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
