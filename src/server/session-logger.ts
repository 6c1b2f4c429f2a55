// Logs the end of each connection as one line, and limits repeated warnings.
import { now } from "../log/clock.ts";
import { getConfig, getLogger } from "@logtape/logtape";
import { plainAddress } from "../limits/client-address.ts";
import { type SessionEnd, type SessionEvents, reasonName } from "../hub/session-events.ts";
import { printableLines } from "../protocol/printable.ts";
import type { Session } from "../hub/session.ts";

/** Warnings of one kind come at most this often, in ms; the next one says how many were left out. */
const REPEATED_WARNING_MS = 10_000;

const log = getLogger(["thump"]);
const sessions = getLogger(["thump", "session"]);

/** Writes to logtape, whose sinks the server sets up, or the program around the plugin. */
export class SessionLogger implements SessionEvents {
  readonly #seldom = new WarningThrottle(REPEATED_WARNING_MS);

  ended(session: Session, { reason, code }: SessionEnd): void {
    sessions.info("{transport} session {session} of {address} ended: {reason}", () => ({
      session: session.id,
      transport: session.transport,
      address: session.address === undefined ? "unknown" : plainAddress(session.address),
      user: session.identity.user,
      rooms: session.memberships.size,
      sent: session.sent,
      received: session.received,
      seconds: Math.round((now() - session.since) / 10) / 100,
      reason: reasonName(reason),
      code,
    }));
  }

  lagging(session: Session): void {
    this.#seldom.run("lagging", (others) =>
      sessions.warn("{transport} session {session} reads too slowly and is being caught up", {
        session: session.id,
        transport: session.transport,
        others,
      }),
    );
  }

  fault(what: string, error: unknown): void {
    // A program around the plugin that has set up no logging still wants to know.
    if (getConfig() === null) return console.error(printableLines(`thump: ${what}: ${Bun.inspect(error)}`));
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#seldom.run(what, (others) => log.error("{what}: {error}", { what, error: text, others }));
  }
}

/** Writes a warning. */
export function warn(text: string): void {
  if (getConfig() === null) return console.warn(`thump: ${text}`);
  log.warn("{text}", { text });
}

/** A request that some proxy seems to have sent on, though nobody said that there is one. */
export function warnUntrustedProxy(peer: string): void {
  log.warn(
    "a request from {peer} says for whom it was sent on, and {peer} is not among the proxies: " +
      "if it is one, name it (--proxy), or all of its clients count as one",
    { peer },
  );
}

/** Runs something at most once in a while for each kind of it, and says how many were passed over since. */
export class WarningThrottle {
  readonly #kinds = new Map<string, { next: number; others: number }>();

  constructor(readonly ms: number) {}

  /** @param kind one of a few, never a client's own word */
  run(kind: string, action: (others: number) => void): void {
    const now = performance.now();
    const state = this.#kinds.get(kind) ?? { next: 0, others: 0 };
    this.#kinds.set(kind, state);
    if (now < state.next) {
      state.others++;
      return;
    }
    const { others } = state;
    state.next = now + this.ms;
    state.others = 0;
    action(others);
  }
}
