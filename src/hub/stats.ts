// Counters since the start: plain numbers, incremented once per publication or session, never per delivery.
import type { Code } from "../protocol/codes.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import type { EndReason } from "./session-events.ts";

export class Stats {
  /** Publications passed to the log. */
  publications = 0;
  /** The bytes of their data. */
  publishedBytes = 0;
  /** Publications of the server itself, in status rooms. Included in `publications`. */
  ownPublications = 0;
  ownBytes = 0;
  /** Publications sent, counted once per receiver. */
  deliveries = 0;
  /** The bytes of deliveries on the wire, without framing and compression. */
  deliveredBytes = 0;
  /** The number of times a session started to lag. */
  lagged = 0;
  /** The number of times a lagging session caught up. */
  caughtUp = 0;
  /** Sessions that lag now. */
  lagging = 0;
  /** Gap notices sent. */
  gaps = 0;
  /** Publications skipped for a session under `lag: "latest"`. */
  skipped = 0;
  /** Publications that Bun dropped for a socket. 0 as long as the arithmetic of backpressure.ts holds. */
  lost = 0;
  /** Presence messages sent, counted once for all receivers, and changes that needed no message of their own. */
  readonly presence = { messages: 0, netted: 0 };
  /** Sessions started, by transport. */
  readonly opened = new Map<string, number>();
  /** Sessions ended, by transport, then by reason. */
  readonly closed = new Map<string, Map<EndReason, number>>();
  /** Errors sent to clients, by code. */
  readonly rejects = new Map<Code, number>();
  /** From the receipt of a publication until the log has stored it. */
  readonly append = new LatencyHistogram();
  /** From the receipt of a publication until Bun has it for all sockets, or for all streams. */
  readonly toSockets = new LatencyHistogram();
  readonly toStreams = new LatencyHistogram();

  /** Adds deliveries and their bytes. */
  delivered(publications: number, bytes: number): void {
    this.deliveries += publications;
    this.deliveredBytes += bytes;
  }

  /** Marks a publication as the server's own, so that monitoring can subtract its own traffic. */
  publishedOwn(bytes: number): void {
    this.ownPublications++;
    this.ownBytes += bytes;
  }

  /** A session has started. */
  begun(transport: string): void {
    add(this.opened, transport);
  }

  /** A session has ended. */
  ended(transport: string, reason: EndReason): void {
    const reasons = this.closed.get(transport) ?? new Map<EndReason, number>();
    this.closed.set(transport, reasons);
    add(reasons, reason);
  }

  /** The number of connected sessions per transport. */
  connected(): [transport: string, count: number][] {
    return [...this.opened].map(([transport, opened]) => {
      const closed = this.closed.get(transport)?.values() ?? [];
      return [transport, [...closed].reduce((left, count) => left - count, opened)];
    });
  }

  /** An error was sent to a client. */
  rejected(code: Code): void {
    add(this.rejects, code);
  }
}

function add<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
