// Heartbeats: asks every session for a sign of life, and ends those that gave none, or whose token has expired.
import { CLOSE } from "../protocol/codes.ts";
import type { Session } from "./session.ts";

export class Heartbeat {
  readonly #timer: Timer;

  /** @param interval ms between two beats of a session: a dead one is found within two */
  constructor(
    readonly sessions: ReadonlyMap<string, Session>,
    readonly interval: number,
  ) {
    this.#timer = setInterval(() => this.#tick(), Math.min(1000, interval / 4));
    this.#timer.unref();
  }

  /** Gives a new session its first beat, somewhere in the interval: a storm of joins is not one of pings. */
  start(session: Session): void {
    session.nextBeat = performance.now() + this.interval * (0.5 + Math.random() / 2);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    // Until when a token is good is a date that somebody signed.
    const today = Date.now();
    for (const session of this.sessions.values()) {
      const { deadline } = session.identity;
      if (deadline !== undefined && today >= deadline) {
        session.end(CLOSE.unauthorized, "the token has expired");
        continue;
      }
      if (now < session.nextBeat) continue;
      session.nextBeat = now + this.interval;
      if (!session.beat()) session.end(CLOSE.idle, "no sign of life");
    }
  }
}
