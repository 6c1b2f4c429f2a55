// Events for the server's own rooms: who came, who went and what was refused, gathered until somebody takes them.
import { now } from "../../log/clock.ts";
import { plainAddress } from "../../limits/client-address.ts";
import { type SessionEnd, type SessionEvents, reasonName } from "../../hub/session-events.ts";
import type { Session } from "../../hub/session.ts";
import type { Code, ThumpError } from "../../protocol/codes.ts";
import type {
  SessionBegan,
  SessionEnded,
  ErrorCount,
  ErrorReport,
  SessionReport,
} from "../../protocol/status-rooms.ts";

/** So many of each kind are kept until they are taken; the rest are counted. */
const MAX_EVENTS = 50;

/** Errors whose words may be made of what a client sent: their code has to be enough. */
const CODES_WITHOUT_MESSAGE: ReadonlySet<Code> = new Set([
  "malformed",
  "unknown-type",
  "invalid",
  "invalid-event",
  "invalid-cursor",
  "invalid-query",
  "internal",
]);

export class StatusEvents implements SessionEvents {
  #began: SessionBegan[] = [];
  #ended: SessionEnded[] = [];
  #more = { began: 0, ended: 0 };
  #errors = new Map<Code, ErrorCount>();
  #faults = new Set<string>();

  began(session: Session): void {
    if (this.#began.length >= MAX_EVENTS) return void this.#more.began++;
    const { address, since } = session;
    this.#began.push({
      ...who(session),
      address: address === undefined ? undefined : plainAddress(address),
      since,
    });
  }

  ended(session: Session, { reason, code }: SessionEnd): void {
    if (this.#ended.length >= MAX_EVENTS) return void this.#more.ended++;
    const seconds = Math.round((now() - session.since) / 10) / 100;
    this.#ended.push({ ...who(session), reason: reasonName(reason), code, seconds });
  }

  /** That is in the stats. */
  lagging(): void {}

  rejected({ code, message }: ThumpError): void {
    const note = this.#errors.get(code) ?? { code, count: 0 };
    note.count++;
    if (!CODES_WITHOUT_MESSAGE.has(code)) note.message = message.slice(0, 256);
    this.#errors.set(code, note);
  }

  fault(what: string): void {
    if (this.#faults.size < MAX_EVENTS) this.#faults.add(what);
  }

  /** Who came and went since the last time; nothing when nobody did. */
  takeSessions(): Omit<SessionReport, "node"> | undefined {
    if (this.#began.length + this.#ended.length === 0) return undefined;
    const taken = { began: this.#began, ended: this.#ended, more: this.#more };
    this.#began = [];
    this.#ended = [];
    this.#more = { began: 0, ended: 0 };
    return taken;
  }

  /** What was refused and what failed since the last time. */
  takeErrors(): Pick<ErrorReport, "errors" | "faults"> | undefined {
    if (this.#errors.size + this.#faults.size === 0) return undefined;
    const taken = { errors: [...this.#errors.values()], faults: [...this.#faults] };
    this.#errors.clear();
    this.#faults.clear();
    return taken;
  }
}

function who({ id, transport, identity }: Session): Pick<SessionBegan, "session" | "transport" | "user"> {
  return { session: id, transport, user: identity.user };
}
