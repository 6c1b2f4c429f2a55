// An open room: a room that has sessions on this server. Holds its members and recent history.
import type { Format, StreamFormat } from "../protocol/formats.ts";
import type { Publication } from "../protocol/publication.ts";
import type { MemoryBudget } from "../rooms/memory-budget.ts";
import type { Rule } from "../rooms/rule.ts";
import { RoomHistory } from "../rooms/room-history.ts";
import type { RoomSamples } from "./sampler.ts";
import type { Membership, StreamSink } from "./session.ts";

/** Receives every publication of a room. */
export interface PublicationSink {
  /** @param receivedAt when the server received the publication (`performance.now()`) */
  push(publication: Publication, receivedAt: number): void;
}

/** The sessions in one room that receive its presence messages. */
export interface PresenceAudience {
  sockets: number;
  readonly streams: Map<StreamFormat, Set<StreamSink>>;
  /**
   * The last snapshot sent to streams, encoded per format and content coding. The next stream receives the same bytes.
   */
  opening?: { readonly snapshot: string; readonly blocks: Map<string, Uint8Array> } | undefined;
}

export class Room {
  history: RoomHistory;
  /** Set until the room's subscription in the log is active. Resolves at that point. */
  starting: Promise<void> | undefined;
  readonly members = new Set<Membership>();
  /** Incremented whenever a session enters or leaves, or its user's details change. */
  changes = 0;
  /** The number of live sockets per wire format. */
  readonly formats = new Map<Format, number>();
  /** The batchers (`StreamBatcher`) that send the room's publications to streams. */
  readonly batchers = new Set<PublicationSink>();
  /** The sessions that receive the room's presence messages; undefined if there are none. */
  audience: PresenceAudience | undefined;
  /** The newest publication. Kept for sampled members even if the rule stores no history. */
  newest: Publication | undefined;
  /** The room's sampled members, if any. */
  samples: RoomSamples | undefined;
  /** The number of publications sent to live members. */
  delivered = 0;

  constructor(
    readonly name: string,
    public rule: Rule,
    readonly memoryBudget?: MemoryBudget,
  ) {
    this.history = new RoomHistory(rule.retention, 0, memoryBudget);
  }

  /** Restarts the history after a seq. The history then contains only publications that are pushed afterwards. */
  start(position: number): void {
    this.history.forget();
    this.history = new RoomHistory(this.rule.retention, position, this.memoryBudget);
  }

  /** Adds the newest publication. */
  push(publication: Publication): void {
    this.newest = publication;
    this.history.push(publication);
    this.samples?.mark();
  }

  /** Replaces the rule. */
  applyRule(rule: Rule, now: number): void {
    this.rule = rule;
    this.history.setRetention(rule.retention, now);
  }

  /**
   * Drops all publications. @param position set if the log has started a new epoch; all later publications have greater
   * seqs than this position
   */
  forget(position?: number): void {
    this.newest = undefined;
    if (position === undefined) this.history.forget();
    else this.start(position);
  }

  /** Returns the name of the Bun topic for a wire format. */
  topic(format: Format): string {
    return `${format.name}/${this.name}`;
  }

  /** Adds `change` to the number of live sockets that use a format. */
  count(format: Format, change: 1 | -1): void {
    const count = (this.formats.get(format) ?? 0) + change;
    if (count > 0) this.formats.set(format, count);
    else this.formats.delete(format);
  }
}
