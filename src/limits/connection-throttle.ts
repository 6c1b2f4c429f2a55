// The connection throttle: begins sessions in request order, within the governor's share of each event-loop tick.
import { Fifo } from "../scheduling/fifo.ts";
import { type Governor, governor as shared, type Work } from "../scheduling/governor.ts";

/**
 * Maximum number of waiting requests examined per piece of work. Without this bound, a piece could examine any number
 * of requests whose client has disconnected, because they do not count against the tick's share.
 */
const MAX_CHECKS_PER_PIECE = 256;
/** CPU time that Bun spends on a new connection before and after the handler, in ms. */
const CONNECTION_MS = 0.05;

interface Waiting {
  readonly hasLeft: () => boolean;
  readonly begin: () => void;
  readonly skip: () => void;
}

export class ConnectionThrottle implements Work {
  readonly #waiting = new Fifo<Waiting>();

  constructor(readonly governor: Governor = shared) {}

  /**
   * Begins a session now if no other request is waiting and this tick's share allows it; otherwise in a later tick.
   * @param begin begins the session
   * @param hasLeft whether the client has disconnected; if so, `skip` is called instead of `begin`
   */
  run<T>(begin: () => T | Promise<T>, hasLeft: () => boolean, skip: () => T): T | Promise<T> {
    if (this.#waiting.size === 0 && this.governor.open) return this.#begin(begin);
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
    for (let checks = 0; checks < MAX_CHECKS_PER_PIECE && this.#waiting.size > 0; checks++) {
      const { hasLeft, begin, skip } = this.#waiting.shift() as Waiting;
      if (hasLeft()) {
        skip();
        continue;
      }
      this.governor.spend(CONNECTION_MS);
      begin();
      break;
    }
    return this.#waiting.size > 0;
  }

  #begin<T>(begin: () => T): T {
    this.governor.spend(CONNECTION_MS);
    return this.governor.charge(begin);
  }
}
