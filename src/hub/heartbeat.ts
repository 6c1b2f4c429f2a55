// Heartbeats: asks every session for a sign of life, and ends those that gave none, or whose token has expired.
import { Sweeper } from "../log/sweeper.ts";
import { CLOSE } from "../protocol/codes.ts";
import type { Session } from "./session.ts";

/** The most sessions that are looked at in one tick. */
const SESSIONS_PER_TICK = 1000;

export class Heartbeat {
  readonly sweeper: Sweeper<Session>;

  /** @param interval ms between two beats of a session: a dead one is found within two */
  constructor(
    readonly sessions: ReadonlyMap<string, Session>,
    readonly interval: number,
  ) {
    this.sweeper = new Sweeper(
      () => sessions.values(),
      (session) => this.#look(session),
      { rest: Math.min(1000, interval / 4), pause: 0, items: SESSIONS_PER_TICK },
    );
  }

  /** Gives a new session its first beat, somewhere in the interval: a storm of joins is not one of pings. */
  start(session: Session): void {
    session.nextHeartbeat = performance.now() + this.interval * (0.5 + Math.random() / 2);
  }

  stop(): void {
    this.sweeper.stop();
  }

  #look(session: Session): void {
    const { deadline } = session.identity;
    // Until when a token is good is a date that somebody signed.
    if (deadline !== undefined && Date.now() >= deadline)
      return session.end(CLOSE.unauthorized, "the token has expired");
    const now = performance.now();
    if (now < session.nextHeartbeat) return;
    session.nextHeartbeat = now + this.interval;
    if (!session.heartbeat()) session.end(CLOSE.idle, "no sign of life");
  }
}
