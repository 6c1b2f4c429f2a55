// A room that somebody on this server is in: who, and the newest of what was said.
import type { Format, StreamFormat } from "../protocol/formats.ts";
import type { Publication } from "../protocol/publication.ts";
import type { MemoryBudget } from "../rooms/memory-budget.ts";
import type { Rule } from "../rooms/rule.ts";
import { RoomHistory } from "../rooms/room-history.ts";
import type { RoomSamples } from "./sampler.ts";
import type { Membership, StreamSink } from "./session.ts";

/** Receives every publication of a room. */
export interface PublicationSink {
  /** @param receivedAt when the server received it, by `performance.now()` */
  push(publication: Publication, receivedAt: number): void;
}

/** The sessions in one room that receive its presence messages. */
export interface PresenceAudience {
  sockets: number;
  readonly streams: Map<StreamFormat, Set<StreamSink>>;
  /** The last snapshot sent to streams, by format and content coding. The next stream receives the same bytes. */
  opening?: { readonly snapshot: string; readonly blocks: Map<string, Uint8Array> } | undefined;
}

export class Room {
  history: RoomHistory;
  /** While the log does not give its publications yet. */
  starting: Promise<void> | undefined;
  readonly members = new Set<Membership>();
  /** Grows whenever a session enters or leaves, or says something else of its user. */
  changes = 0;
  /** How many sockets of each format are in the live fan-out. */
  readonly formats = new Map<Format, number>();
  /** Send its publications to streams: `StreamBatcher`. */
  readonly batchers = new Set<PublicationSink>();
  /** Who listens to its presence, where somebody does. */
  audience: PresenceAudience | undefined;
  /** Kept even where the rule keeps no history: those who sample are shown it. */
  newest: Publication | undefined;
  /** Its sampled memberships, if there are any. */
  samples: RoomSamples | undefined;
  /** How many publications have left for those who are live. */
  delivered = 0;

  constructor(
    readonly name: string,
    public rule: Rule,
    readonly memoryBudget?: MemoryBudget,
  ) {
    this.history = new RoomHistory(rule.retention, 0, memoryBudget);
  }

  /** Publications after this seq will be given to `push`. What is between them and what was is not here. */
  start(position: number): void {
    this.history.forget();
    this.history = new RoomHistory(this.rule.retention, position, this.memoryBudget);
  }

  push(publication: Publication): void {
    this.newest = publication;
    this.history.push(publication);
    this.samples?.mark();
  }

  /** Another rule holds from now on. */
  applyRule(rule: Rule, now: number): void {
    this.rule = rule;
    this.history.setRetention(rule.retention, now);
  }

  /** Forgets all that was published. @param position where it goes on, in another life of the log */
  forget(position?: number): void {
    this.newest = undefined;
    if (position === undefined) this.history.forget();
    else this.start(position);
  }

  /** Bun's topic for a wire format. */
  topic(format: Format): string {
    return `${format.name}/${this.name}`;
  }

  /** Notes that one more, or one less, socket hears a format. */
  count(format: Format, change: 1 | -1): void {
    const count = (this.formats.get(format) ?? 0) + change;
    if (count > 0) this.formats.set(format, count);
    else this.formats.delete(format);
  }
}
