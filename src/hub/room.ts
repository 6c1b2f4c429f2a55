// A room that somebody on this server is in: who, and the newest of what was said.
import type { Format } from "../protocol/formats.ts";
import type { Publication } from "../protocol/publication.ts";
import type { Rule } from "../rooms/rule.ts";
import { Tail } from "../rooms/tail.ts";
import type { Channel } from "./channel.ts";
import type { Audience } from "./listeners.ts";
import type { Membership } from "./session.ts";

export class Room {
  readonly tail: Tail;
  readonly members = new Set<Membership>();
  /** How many sockets of each format are in the live fan-out. */
  readonly formats = new Map<Format, number>();
  readonly channels = new Set<Channel>();
  /** Who listens to its presence, where somebody does. */
  audience: Audience | undefined;
  /** Kept even where the rule keeps no history: those who sample are shown it. */
  newest: Publication | undefined;
  /** How many publications have left for those who are live. */
  delivered = 0;

  /** @param position publications after this seq will be given to `push` */
  constructor(
    readonly name: string,
    public rule: Rule,
    position: number,
  ) {
    this.tail = new Tail(rule.bounds, position);
  }

  push(publication: Publication): void {
    this.newest = publication;
    this.tail.push(publication);
  }

  /** Another rule holds from now on. */
  follow(rule: Rule, now: number): void {
    this.rule = rule;
    this.tail.rebound(rule.bounds, now);
  }

  /** Forgets all that was published. */
  forget(): void {
    this.newest = undefined;
    this.tail.forget();
  }

  /** The engine's topic for a wire format. */
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
