// Sends publications to Redis, in the order in which they came, and sees to what comes of each.
import { unavailable } from "../../protocol/codes.ts";
import { sizeOfData } from "../../protocol/data.ts";
import type { Draft, Publication } from "../../protocol/publication.ts";
import { hashDraft, keyReused, scopedKey } from "../idempotency-keys.ts";
import { type Append, Appends, unanswered } from "./pending-appends.ts";
import { encode } from "./codec.ts";
import { kindOf } from "./redis-errors.ts";
import type { Feed } from "./subscriber.ts";
import type { Link } from "./redis-connection.ts";
import type { Mender } from "./recovery.ts";
import type { Places } from "./room-keys.ts";
import { APPEND, REUSED } from "./scripts.ts";
import type { RedisStats } from "./redis-stats.ts";

/** How long an idempotency key is remembered, in ms. */
const KEY_AGE = 600_000;

export class Sender {
  /** What Redis says that it will not take. */
  refusal: string | undefined;
  readonly #appends: Appends;
  /** Sent, and not answered yet. */
  #outstanding = 0;

  constructor(
    readonly places: Places,
    readonly feed: Feed,
    readonly mender: Mender,
    readonly stats: RedisStats,
    patience: number,
  ) {
    this.#appends = new Appends(patience);
  }

  get isBusy(): boolean {
    return this.#outstanding > 0;
  }

  /** Sends one now, or when that is possible again. @throws ThumpError `unavailable` when too many wait already */
  append(draft: Draft): Promise<Publication> {
    const { append, done } = this.#appends.add(draft, sizeOfData(draft.data));
    const link = this.feed.link();
    // Who follows since this turn gets it.
    this.feed.join();
    if (link && this.feed.live && !this.mender.done) this.#send(link, append);
    else this.#appends.wait(append);
    return done;
  }

  /** What waited goes out, oldest first. */
  flush(): void {
    const link = this.feed.link();
    if (!link || this.mender.done) return;
    for (const append of this.#appends.takeWaiting()) this.#send(link, append);
  }

  /** Redis will take nothing, for this reason. */
  refused(error: Error): void {
    this.refusal = `Redis takes nothing: ${error.message}`;
  }

  close(): void {
    this.#appends.close();
  }

  #send(link: Link, append: Append): void {
    const { draft, size } = append;
    const { room, key } = draft;
    const { names, period } = this.places;
    const { epoch } = this.feed;
    const keys = this.places.keys(epoch, room);
    if (key !== undefined) keys.push(names.key(epoch, scopedKey(draft, key)));
    const kept = [...this.places.bounds(room), KEY_AGE];
    const hash = key === undefined ? "" : hashDraft(draft);
    const args = [epoch, period, ...kept, names.channel(epoch, room), room, size, encode(draft), hash];
    this.#outstanding++;
    link
      .eval(APPEND, keys, args)
      .then((reply) => this.#kept(append, reply as [number, number, number, number]))
      .catch((error: unknown) => this.#failed(link, append, error as Error))
      .finally(() => {
        this.#outstanding--;
        void this.mender.go(link);
      });
  }

  #kept(append: Append, [seq, prev, time, fresh]: [number, number, number, number]): void {
    this.refusal = undefined;
    if (fresh === REUSED) return append.reject(keyReused(append.draft.key));
    const publication: Publication = { ...append.draft, seq, prev, time, size: append.size };
    const room = this.feed.rooms.get(append.draft.room);
    this.feed.acknowledged(seq);
    const resolve = () => append.resolve(publication);
    if (fresh && room) return room.acknowledge(seq, resolve);
    this.feed.reached(seq);
    resolve();
  }

  #failed(link: Link, append: Append, error: Error): void {
    const kind = kindOf(error);
    if (kind === "scripts" || kind === "epoch" || kind === "elsewhere") {
      // Nothing was done: it goes again.
      this.#appends.wait(append);
      return this.mender.failed(link, error);
    }
    this.stats.refused++;
    if (kind !== "refusal") return append.reject(kind === "gone" ? unanswered() : error);
    this.refused(error);
    append.reject(unavailable(`Redis takes nothing just now: ${error.message}`));
  }
}
