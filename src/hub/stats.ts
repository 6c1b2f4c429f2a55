// What is counted since the start: plain numbers, added to once a publication or session, never once a delivery.
import type { Code } from "../protocol/codes.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import type { EndReason } from "./session-events.ts";

export class Stats {
  /** Handed to the log. */
  publications = 0;
  /** The bytes of their data. */
  publishedBytes = 0;
  /** Of these: what the server said itself, about itself. */
  ownPublications = 0;
  ownBytes = 0;
  /** Publications times those who received each. */
  deliveries = 0;
  /** What they took on the wire, without framing and compression. */
  deliveredBytes = 0;
  /** How often a session fell behind, and how often one caught up. */
  lagged = 0;
  caughtUp = 0;
  /** Sessions that are behind just now. */
  lagging = 0;
  gaps = 0;
  /** Publications that `lag: "latest"` skipped for one session. */
  skipped = 0;
  /** Publications that Bun dropped for a socket: none, as long as the arithmetic of bounds.ts holds. */
  lost = 0;
  /** Presence: messages sent, counted once however many receive it; changes that needed none of their own. */
  readonly presence = { messages: 0, netted: 0 };
  readonly opened = new Map<string, number>();
  /** By transport, then by reason. */
  readonly closed = new Map<string, Map<EndReason, number>>();
  /** Errors that clients were told of. */
  readonly rejects = new Map<Code, number>();
  /** From a publication's arrival until the log has kept it. */
  readonly append = new LatencyHistogram();
  /** From a publication's arrival until it was handed to Bun for all sockets, or all streams. */
  readonly toSockets = new LatencyHistogram();
  readonly toStreams = new LatencyHistogram();

  delivered(publications: number, bytes: number): void {
    this.deliveries += publications;
    this.deliveredBytes += bytes;
  }

  /** A publication was the server's own: looking should not change what is seen. */
  publishedOwn(bytes: number): void {
    this.ownPublications++;
    this.ownBytes += bytes;
  }

  begun(transport: string): void {
    add(this.opened, transport);
  }

  ended(transport: string, reason: EndReason): void {
    const reasons = this.closed.get(transport) ?? new Map<EndReason, number>();
    this.closed.set(transport, reasons);
    add(reasons, reason);
  }

  /** Sessions that are there, by transport. */
  connected(): [transport: string, count: number][] {
    return [...this.opened].map(([transport, opened]) => {
      const closed = this.closed.get(transport)?.values() ?? [];
      return [transport, [...closed].reduce((left, count) => left - count, opened)];
    });
  }

  rejected(code: Code): void {
    add(this.rejects, code);
  }
}

function add<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
