// Sampling: a subscriber that asked for at most N publications a second is shown the newest, N times a second.
import type { Membership } from "./session.ts";

/** Samples a second: a timer can be neither faster nor much slower. */
const FASTEST = 100;
const SLOWEST = 0.001;

/** A timer a sampled membership; it starts with what is new right away. */
export class Sampler {
  readonly #timers = new Map<Membership, Timer>();

  add(membership: Membership): void {
    const rate = Math.min(FASTEST, Math.max(SLOWEST, membership.max ?? 0));
    sample(membership);
    const timer = setInterval(() => sample(membership), 1000 / rate);
    this.#timers.set(membership, timer);
  }

  remove(membership: Membership): void {
    clearInterval(this.#timers.get(membership));
    this.#timers.delete(membership);
  }
}

/** Shows the newest publication, if there is one since the last and the connection can take it. */
function sample(membership: Membership): void {
  const { session, room, position } = membership;
  const { newest } = room;
  if (!newest || newest.seq <= position || session.backedUp()) return;
  membership.position = newest.seq;
  if (newest.except !== session.id) session.send([newest]);
}
