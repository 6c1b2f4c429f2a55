// Session events: the hub's reports on sessions and faults, for logs and status rooms.
import { CLOSE, type ThumpError } from "../protocol/codes.ts";
import type { Session } from "./session.ts";

/** Why a session ended: the name of a close code, or one of `OTHER_REASONS`. */
export type EndReason = keyof typeof CLOSE | (typeof OTHER_REASONS)[number];

const OTHER_REASONS = [
  "client", // the client closed the connection
  "lost", // the connection broke without a close
  "answered", // a long poll received its response
  "stopped", // the server stopped without a drain
] as const;

/** Formats a reason for metrics and logs, such as "bad-frames". */
export function reasonName(reason: EndReason): string {
  return reason.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** How a session ended. */
export interface SessionEnd {
  reason: EndReason;
  /** The WebSocket close code, chosen by either side. */
  code?: number | undefined;
}

const BY_CODE = new Map<number, EndReason>(
  Object.entries(CLOSE).map(([name, code]) => [code, name as keyof typeof CLOSE]),
);

/** Describes the end of a session that the server ended with a close code. */
export function endedByUs(code: number): SessionEnd {
  return { reason: BY_CODE.get(code) ?? "internal", code };
}

/**
 * Describes the end of a session that the client ended or whose connection broke (close code 1006, RFC 6455 §7.1.5).
 */
export function endedByClient(code?: number): SessionEnd {
  return { reason: code === 1006 ? "lost" : "client", code };
}

export interface SessionEvents {
  /**
   * A session has ended. Called once per session. The session has left its rooms, but `memberships` still lists them.
   */
  ended(session: Session, ending: SessionEnd): void;
  /** A session was detached from the live fan-out because it is slow. */
  lagging(session: Session): void;
  /** A server-side error has occurred. @param what the operation that failed */
  fault(what: string, error: unknown): void;
  /** A session has started. */
  began?(session: Session): void;
  /** An error was sent to a client. */
  rejected?(error: ThumpError): void;
}

/** Passes every event to several receivers. */
export class SessionEventList implements SessionEvents {
  readonly #receivers: SessionEvents[];

  constructor(...receivers: SessionEvents[]) {
    this.#receivers = receivers;
  }

  /** Adds a receiver. Returns a function that removes it. */
  add(events: SessionEvents): () => void {
    this.#receivers.push(events);
    return () => void this.#receivers.splice(this.#receivers.indexOf(events), 1);
  }

  began(session: Session): void {
    for (const receiver of this.#receivers) receiver.began?.(session);
  }

  ended(session: Session, ending: SessionEnd): void {
    for (const receiver of this.#receivers) receiver.ended(session, ending);
  }

  lagging(session: Session): void {
    for (const receiver of this.#receivers) receiver.lagging(session);
  }

  fault(what: string, error: unknown): void {
    for (const receiver of this.#receivers) receiver.fault(what, error);
  }

  rejected(error: ThumpError): void {
    for (const receiver of this.#receivers) receiver.rejected?.(error);
  }
}
