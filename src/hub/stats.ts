// Counters since the server started: plain numbers, incremented once per publication or session, never per delivery.
import type { Code } from "../protocol/codes.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import type { EndReason } from "./session-events.ts";

export class Stats {
  /** Publications passed to the log. */
  publications = 0;
  /** The total size of the publications' data, in bytes. */
  publishedBytes = 0;
  /** Publications from the server itself, in status rooms. Included in `publications`. */
  ownPublications = 0;
  ownBytes = 0;
  /** Publications sent, counted once per receiver. */
  deliveries = 0;
  /** The size of deliveries on the wire in bytes, before framing and compression. */
  deliveredBytes = 0;
  /** The number of times a session started to lag. */
  lagged = 0;
  /** The number of times a lagging session caught up. */
  caughtUp = 0;
  /** Sessions that are lagging now. */
  lagging = 0;
  /** Gap notices sent. */
  gaps = 0;
  /** Publications skipped because of `lag: "latest"`, counted once per session. */
  skipped = 0;
  /** Publications that Bun dropped for a socket. Always 0 if the limits in backpressure.ts are correct. */
  lost = 0;
  /** Presence messages sent, counted once for all receivers. `netted`: changes that were combined or cancelled out. */
  readonly presence = { messages: 0, netted: 0 };
  /** Sessions started, by transport. */
  readonly opened = new Map<string, number>();
  /** Sessions ended, by transport, then by reason. */
  readonly closed = new Map<string, Map<EndReason, number>>();
  /** Errors sent to clients, by code. */
  readonly rejects = new Map<Code, number>();
  /** Time from receiving a publication until the log has stored it. */
  readonly append = new LatencyHistogram();
  /** Time from receiving a publication until it has been handed to Bun for all sockets or streams. */
  readonly toSockets = new LatencyHistogram();
  readonly toStreams = new LatencyHistogram();

  /** Counts deliveries and their bytes. */
  delivered(publications: number, bytes: number): void {
    this.deliveries += publications;
    this.deliveredBytes += bytes;
  }

  /** Counts a publication as the server's own, so that monitoring can exclude its own traffic. */
  publishedOwn(bytes: number): void {
    this.ownPublications++;
    this.ownBytes += bytes;
  }

  /** Counts a session that has started. */
  begun(transport: string): void {
    add(this.opened, transport);
  }

  /** Counts a session that has ended. */
  ended(transport: string, reason: EndReason): void {
    const reasons = this.closed.get(transport) ?? new Map<EndReason, number>();
    this.closed.set(transport, reasons);
    add(reasons, reason);
  }

  /** Returns the number of connected sessions per transport. */
  connected(): [transport: string, count: number][] {
    return [...this.opened].map(([transport, opened]) => {
      const closed = this.closed.get(transport)?.values() ?? [];
      return [transport, [...closed].reduce((left, count) => left - count, opened)];
    });
  }

  /** Counts an error that was sent to a client. */
  rejected(code: Code): void {
    add(this.rejects, code);
  }
}

function add<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
