// The publish pipeline: passes drafts to the log, and publications from the log to fan-out. Measures the latency of
// both steps.
import { now } from "../log/clock.ts";
import type { Draft, Publication } from "../protocol/publication.ts";
import type { Log } from "../log/log.ts";
import type { FanOut } from "./fan-out.ts";
import type { Room } from "./room.ts";
import type { Stats } from "./stats.ts";

/** The trace context of a publisher (W3C Trace Context). */
export interface TraceContext {
  /** The `traceparent` header. */
  traceparent: string;
  /**
   * Whether the publisher is trusted to make sampling decisions. Traces from untrusted publishers are linked, not
   * continued.
   */
  trusted: boolean;
}

/** Records a span around `publish`, which passes a publication to the log. Returns the result of `publish`. */
export type TracePublish = (
  draft: Draft,
  context: TraceContext | undefined,
  publish: () => Publication | Promise<Publication>,
) => Publication | Promise<Publication>;

export class PublishPipeline {
  /** Set while traces are exported. */
  trace: TracePublish | undefined;
  /**
   * When the server received the publication that is being appended; 0 if no publication is being appended or its
   * latency has already been counted.
   */
  #receivedAt = 0;

  constructor(
    readonly log: Log,
    readonly fanOut: FanOut,
    readonly stats: Stats,
  ) {}

  /** Appends to the log, which numbers and stores the publication. */
  publish(draft: Draft, context?: TraceContext): Publication | Promise<Publication> {
    const { trace } = this;
    return trace ? trace(draft, context, () => this.#append(draft)) : this.#append(draft);
  }

  #append(draft: Draft): Publication | Promise<Publication> {
    const receivedAt = performance.now();
    this.#receivedAt = receivedAt;
    this.stats.publications++;
    const stored = this.#tryAppend(draft);
    if (stored instanceof Promise) {
      // With `deliver: "at-once"`, a publication is delivered and counted before it is stored.
      const counted = this.#receivedAt === 0;
      this.#receivedAt = 0;
      return stored.then((publication) => this.#onStored(publication, receivedAt, counted));
    }
    // Otherwise `deliver` has already counted the latency.
    if (this.#receivedAt > 0) return this.#onStored(stored, receivedAt);
    this.stats.publishedBytes += stored.size;
    return stored;
  }

  #tryAppend(draft: Draft): Publication | Promise<Publication> {
    try {
      return this.log.append(draft);
    } catch (error) {
      this.#receivedAt = 0;
      throw error;
    }
  }

  /** Called when the log delivers a publication for an open room: sends it to the room's sessions. */
  deliver(room: Room, publication: Publication): void {
    const deliveredAt = performance.now();
    const receivedAt = this.#receivedAt;
    if (receivedAt > 0) {
      this.#receivedAt = 0;
      this.stats.append.observe(deliveredAt - receivedAt);
      return this.fanOut.deliver(room, publication, receivedAt);
    }
    // A different process published the publication, or the append took several ticks. Measure from the time in the
    // publication.
    this.fanOut.deliver(room, publication, deliveredAt - Math.max(0, now() - publication.time));
  }

  #onStored(publication: Publication, receivedAt: number, counted = false): Publication {
    this.#receivedAt = 0;
    if (!counted) this.stats.append.observe(performance.now() - receivedAt);
    this.stats.publishedBytes += publication.size;
    return publication;
  }
}
