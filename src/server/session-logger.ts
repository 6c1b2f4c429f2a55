// Logs one line when a connection ends, and limits repeated warnings.
import { now } from "../log/clock.ts";
import { getConfig, getLogger } from "@logtape/logtape";
import { plainAddress } from "../limits/client-address.ts";
import { type SessionEnd, type SessionEvents, reasonName } from "../hub/session-events.ts";
import { printableLines } from "../protocol/printable.ts";
import type { Session } from "../hub/session.ts";

/** Minimum interval between warnings of the same kind. The next warning contains the number of suppressed ones. */
const REPEATED_WARNING_MS = 10_000;

const log = getLogger(["thump"]);
const sessions = getLogger(["thump", "session"]);

/** Writes to LogTape. The server, or the app that uses the plugin, configures LogTape's sinks. */
export class SessionLogger implements SessionEvents {
  readonly #throttle = new WarningThrottle(REPEATED_WARNING_MS);

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
    this.#throttle.run("lagging", (others) =>
      sessions.warn("{transport} session {session} reads too slowly and is being caught up", {
        session: session.id,
        transport: session.transport,
        others,
      }),
    );
  }

  fault(what: string, error: unknown): void {
    // LogTape drops the fault if it is not configured.
    if (getConfig() === null) return console.error(printableLines(`thump: ${what}: ${Bun.inspect(error)}`));
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#throttle.run(what, (others) => log.error("{what}: {error}", { what, error: text, others }));
  }
}

/** Logs a warning. */
export function warn(text: string): void {
  if (getConfig() === null) return console.warn(`thump: ${text}`);
  log.warn("{text}", { text });
}

/** Logs that a request has a forwarding header but comes from a peer that is not a trusted proxy. */
export function warnUntrustedProxy(peer: string): void {
  log.warn(
    "a request from {peer} has a forwarding header, and {peer} is not a trusted proxy: " +
      "if it is your proxy, add it (--proxy); otherwise all of its clients share one address",
    { peer },
  );
}

/** Limits how often an action of the same kind runs, and counts suppressed actions. */
export class WarningThrottle {
  readonly #kinds = new Map<string, { next: number; others: number }>();

  constructor(readonly ms: number) {}

  /** @param kind from a fixed set, never from a client: each kind takes memory */
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
