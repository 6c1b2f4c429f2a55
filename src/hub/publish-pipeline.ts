// The way in: hands publications to the log and those that come back to the fan-out, and notes how long both took.
import { now } from "../log/clock.ts";
import type { Draft, Publication } from "../protocol/publication.ts";
import type { Log } from "../log/log.ts";
import type { FanOut } from "./fan-out.ts";
import type { Room } from "./room.ts";
import type { Stats } from "./stats.ts";

/** The trace that a publisher named (W3C Trace Context). */
export interface TraceContext {
  traceparent: string;
  /** Whether its publisher may say if the publication is sampled. Others' traces are linked to, and not continued. */
  trusted: boolean;
}

/** Follows a publication on its way to the log, with the trace that its publisher named. */
export type TracePublish = (
  draft: Draft,
  context: TraceContext | undefined,
  publish: () => Publication | Promise<Publication>,
) => Publication | Promise<Publication>;

export class PublishPipeline {
  /** Set where somebody collects traces. */
  trace: TracePublish | undefined;
  /** When the publication that is being appended came in; 0 when none is, or it was counted. */
  #receivedAt = 0;

  constructor(
    readonly log: Log,
    readonly fanOut: FanOut,
    readonly stats: Stats,
  ) {}

  /** The log numbers and keeps it, and gives it to `deliver` if anybody here is in the room. */
  publish(draft: Draft, context?: TraceContext): Publication | Promise<Publication> {
    const { trace } = this;
    return trace ? trace(draft, context, () => this.#append(draft)) : this.#append(draft);
  }

  #append(draft: Draft): Publication | Promise<Publication> {
    const receivedAt = performance.now();
    this.#receivedAt = receivedAt;
    this.stats.publications++;
    const kept = this.#tryAppend(draft);
    if (kept instanceof Promise) {
      // Some are delivered, and counted, before they are kept.
      const counted = this.#receivedAt === 0;
      this.#receivedAt = 0;
      return kept.then((publication) => this.#onStored(publication, receivedAt, counted));
    }
    // Else it was counted before it was delivered.
    if (this.#receivedAt > 0) return this.#onStored(kept, receivedAt);
    this.stats.publishedBytes += kept.size;
    return kept;
  }

  #tryAppend(draft: Draft): Publication | Promise<Publication> {
    try {
      return this.log.append(draft);
    } catch (error) {
      this.#receivedAt = 0;
      throw error;
    }
  }

  /** The log has a publication for a room that somebody here is in. */
  deliver(room: Room, publication: Publication): void {
    const arrived = performance.now();
    const receivedAt = this.#receivedAt;
    if (receivedAt > 0) {
      this.#receivedAt = 0;
      this.stats.append.observe(arrived - receivedAt);
      return this.fanOut.deliver(room, publication, receivedAt);
    }
    // It comes from another process, or from a log that took its time: the clock of publications must do.
    this.fanOut.deliver(room, publication, arrived - Math.max(0, now() - publication.time));
  }

  #onStored(publication: Publication, receivedAt: number, counted = false): Publication {
    this.#receivedAt = 0;
    if (!counted) this.stats.append.observe(performance.now() - receivedAt);
    this.stats.publishedBytes += publication.size;
    return publication;
  }
}
