// What the hub tells those who keep a log for people: how a session ended, who fell behind, and faults of ours.
import { CLOSE, type ThumpError } from "../protocol/codes.ts";
import type { Session } from "./session.ts";

/** Why a session ended: one of our close codes by its name, or one of these. */
export type EndReason = keyof typeof CLOSE | (typeof OTHER_REASONS)[number];

const OTHER_REASONS = [
  "client", // it closed the connection
  "lost", // the connection broke without a word
  "answered", // a poll that has its answer
  "stopped", // the server stopped and did not wait for it
] as const;

/** A reason as metrics and logs write it: "bad-frames". */
export function reasonName(reason: EndReason): string {
  return reason.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The end of a session. `code` is the close code of a socket, whoever chose it. */
export interface SessionEnd {
  reason: EndReason;
  code?: number | undefined;
}

const BY_CODE = new Map<number, EndReason>(
  Object.entries(CLOSE).map(([name, code]) => [code, name as keyof typeof CLOSE]),
);

/** We ended it, with a code of ours. */
export function endedByUs(code: number): SessionEnd {
  return { reason: BY_CODE.get(code) ?? "internal", code };
}

/** The other side ended it, or its connection broke (1006, RFC 6455 §7.1.5). */
export function endedByClient(code?: number): SessionEnd {
  return { reason: code === 1006 ? "lost" : "client", code };
}

export interface SessionEvents {
  /** Called once for each session. It is in none of its rooms any more, but still knows which they were. */
  ended(session: Session, ending: SessionEnd): void;
  lagging(session: Session): void;
  /** Something that is our own mistake, or the machine's. */
  fault(what: string, error: unknown): void;
  /** A session is there. */
  began?(session: Session): void;
  /** A client was told of an error. */
  rejected?(error: ThumpError): void;
}

/** Tells several journals the same. */
export class SessionEventList implements SessionEvents {
  readonly #journals: SessionEvents[];

  constructor(...journals: SessionEvents[]) {
    this.#journals = journals;
  }

  /** One more from now on. Returns how to take it out. */
  add(events: SessionEvents): () => void {
    this.#journals.push(events);
    return () => void this.#journals.splice(this.#journals.indexOf(events), 1);
  }

  began(session: Session): void {
    for (const events of this.#journals) events.began?.(session);
  }

  ended(session: Session, ending: SessionEnd): void {
    for (const events of this.#journals) events.ended(session, ending);
  }

  lagging(session: Session): void {
    for (const events of this.#journals) events.lagging(session);
  }

  fault(what: string, error: unknown): void {
    for (const events of this.#journals) events.fault(what, error);
  }

  rejected(error: ThumpError): void {
    for (const events of this.#journals) events.rejected?.(error);
  }
}
