// Collects events for the rooms `thump:sessions` and `thump:errors`: sessions opened and closed, errors, and faults.
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

/** Maximum number of events of each kind per report. Further events are only counted. */
const MAX_EVENTS = 50;

/** Errors whose message may contain client data. Reports contain only their code. */
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
      ...describe(session),
      address: address === undefined ? undefined : plainAddress(address),
      since,
    });
  }

  ended(session: Session, { reason, code }: SessionEnd): void {
    if (this.#ended.length >= MAX_EVENTS) return void this.#more.ended++;
    const seconds = Math.round((now() - session.since) / 10) / 100;
    this.#ended.push({ ...describe(session), reason: reasonName(reason), code, seconds });
  }

  /** Not collected: the statistics already count lagging sessions. */
  lagging(): void {}

  rejected({ code, message }: ThumpError): void {
    const entry = this.#errors.get(code) ?? { code, count: 0 };
    entry.count++;
    if (!CODES_WITHOUT_MESSAGE.has(code)) entry.message = message.slice(0, 256);
    this.#errors.set(code, entry);
  }

  fault(what: string): void {
    if (this.#faults.size < MAX_EVENTS) this.#faults.add(what);
  }

  /** Returns and clears the collected session events. Undefined if there are none. */
  takeSessions(): Omit<SessionReport, "node"> | undefined {
    if (this.#began.length + this.#ended.length === 0) return undefined;
    const taken = { began: this.#began, ended: this.#ended, more: this.#more };
    this.#began = [];
    this.#ended = [];
    this.#more = { began: 0, ended: 0 };
    return taken;
  }

  /** Returns and clears the collected errors and faults. Undefined if there are none. */
  takeErrors(): Pick<ErrorReport, "errors" | "faults"> | undefined {
    if (this.#errors.size + this.#faults.size === 0) return undefined;
    const taken = { errors: [...this.#errors.values()], faults: [...this.#faults] };
    this.#errors.clear();
    this.#faults.clear();
    return taken;
  }
}

function describe({
  id,
  transport,
  identity,
}: Session): Pick<SessionBegan, "session" | "transport" | "user"> {
  return { session: id, transport, user: identity.user };
}
