// Heartbeats: pings every session, and ends sessions that did not respond or whose token has expired.
import { Sweeper } from "../log/sweeper.ts";
import { CLOSE } from "../protocol/codes.ts";
import type { Session } from "./session.ts";

/** The maximum number of sessions visited per tick. */
const SESSIONS_PER_TICK = 1000;

export class Heartbeat {
  readonly sweeper: Sweeper<Session>;

  /** @param interval time between a session's heartbeats, in ms. A dead connection is detected within two intervals */
  constructor(
    readonly sessions: ReadonlyMap<string, Session>,
    readonly interval: number,
  ) {
    this.sweeper = new Sweeper(
      () => sessions.values(),
      (session) => this.#visit(session),
      { rest: Math.min(1000, interval / 4), pause: 0, items: SESSIONS_PER_TICK },
    );
  }

  /**
   * Schedules a new session's first heartbeat at a random time, so that sessions that start together are not all pinged
   * at the same time.
   */
  start(session: Session): void {
    session.nextHeartbeat = performance.now() + this.interval * (0.5 + Math.random() / 2);
  }

  stop(): void {
    this.sweeper.stop();
  }

  #visit(session: Session): void {
    const { deadline } = session.identity;
    // A token expires at a wall-clock time, so compare with the system clock.
    if (deadline !== undefined && Date.now() >= deadline)
      return session.end(CLOSE.unauthorized, "the token has expired");
    const now = performance.now();
    if (now < session.nextHeartbeat) return;
    session.nextHeartbeat = now + this.interval;
    if (!session.heartbeat()) session.end(CLOSE.idle, "no sign of life");
  }
}
