// The connected sessions by id, and the number of sessions per client address.
import { CLOSE, ThumpError } from "../protocol/codes.ts";
import type { Session } from "./session.ts";
import type { SessionEnd, SessionEvents } from "./session-events.ts";
import type { Stats } from "./stats.ts";

export class SessionRegistry {
  readonly byId = new Map<string, Session>();
  /** The number of sessions per address key (`Session.addressKey`). Sessions without a key are not counted. */
  readonly byAddress = new Map<string, number>();

  constructor(
    readonly stats: Pick<Stats, "begun" | "ended">,
    readonly events: Pick<SessionEvents, "began" | "ended" | "fault">,
  ) {}

  add(session: Session): void {
    this.byId.set(session.id, session);
    this.#count(session, 1);
    this.stats.begun(session.transport);
    this.events.began?.(session);
  }

  /** Removes a session that has ended. Has no effect if the session was never added or has already been removed. */
  remove(session: Session, ending: SessionEnd): void {
    if (!this.byId.delete(session.id)) return;
    this.#count(session, -1);
    this.stats.ended(session.transport, ending.reason);
    this.events.ended(session, ending);
  }

  /** Ends a session because of a server error. If the error is temporary, the client reconnects. */
  fail(session: Session, error: unknown): void {
    if (error instanceof ThumpError && (error.code === "unavailable" || error.code === "busy"))
      return session.end(CLOSE.unavailable, error.code);
    this.events.fault("a session ended because of a server error", error);
    session.end(CLOSE.internal, "internal error");
  }

  #count({ addressKey }: Session, change: 1 | -1): void {
    if (addressKey === undefined) return;
    const count = (this.byAddress.get(addressKey) ?? 0) + change;
    if (count > 0) this.byAddress.set(addressKey, count);
    else this.byAddress.delete(addressKey);
  }
}
