// Sends publications to Redis in order of arrival, and handles the results.
import { unavailable } from "../../protocol/codes.ts";
import { sizeOfData } from "../../protocol/data.ts";
import type { Draft, Publication } from "../../protocol/publication.ts";
import { hashDraft, keyReused, scopedKey } from "../idempotency-keys.ts";
import { type PendingAppend, PendingAppends, unanswered } from "./pending-appends.ts";
import { encode } from "./codec.ts";
import { redisErrorKind } from "./redis-errors.ts";
import type { Subscriber } from "./subscriber.ts";
import type { RedisConnection } from "./redis-connection.ts";
import type { RedisRecovery } from "./recovery.ts";
import type { RoomKeys } from "./room-keys.ts";
import { APPEND, REUSED } from "./scripts.ts";
import type { RedisStats } from "./redis-stats.ts";

/** An idempotency key is stored for this time, in ms. */
const KEY_TTL_MS = 600_000;

export class AppendSender {
  /** The reason why Redis refuses writes; undefined while it accepts them. */
  refusal: string | undefined;
  readonly #pendingAppends: PendingAppends;
  /** The number of publications that have been sent but not yet answered. */
  #unanswered = 0;

  constructor(
    readonly roomKeys: RoomKeys,
    readonly subscriber: Subscriber,
    readonly recovery: RedisRecovery,
    readonly stats: RedisStats,
    patience: number,
  ) {
    this.#pendingAppends = new PendingAppends(patience);
  }

  get isBusy(): boolean {
    return this.#unanswered > 0;
  }

  /**
   * Sends a publication now, or as soon as Redis is available.
   * @throws ThumpError `unavailable` if too many publications are pending
   */
  append(draft: Draft): Promise<Publication> {
    const { append, done } = this.#pendingAppends.add(draft, sizeOfData(draft.data));
    const connection = this.subscriber.currentConnection();
    // Rooms that were subscribed to in this tick must receive the publication.
    this.subscriber.join();
    if (connection && this.subscriber.live && !this.recovery.done) this.#send(connection, append);
    else this.#pendingAppends.wait(append);
    return done;
  }

  /** Sends all waiting publications, oldest first. */
  flush(): void {
    const connection = this.subscriber.currentConnection();
    if (!connection || this.recovery.done) return;
    for (const append of this.#pendingAppends.takeWaiting()) this.#send(connection, append);
  }

  /** Records that Redis refuses writes. */
  refused(error: Error): void {
    this.refusal = `Redis refuses writes: ${error.message}`;
  }

  close(): void {
    this.#pendingAppends.close();
  }

  #send(connection: RedisConnection, append: PendingAppend): void {
    const { draft, size } = append;
    const { room, key } = draft;
    const { names, period } = this.roomKeys;
    const { epoch } = this.subscriber;
    const keys = this.roomKeys.keys(epoch, room);
    if (key !== undefined) keys.push(names.key(epoch, scopedKey(draft, key)));
    const retention = [...this.roomKeys.retention(room), KEY_TTL_MS];
    const hash = key === undefined ? "" : hashDraft(draft);
    const args = [epoch, period, ...retention, names.channel(epoch, room), room, size, encode(draft), hash];
    this.#unanswered++;
    connection
      .eval(APPEND, keys, args)
      .then((reply) => this.#onAppended(append, reply as [number, number, number, number]))
      .catch((error: unknown) => this.#onFailed(connection, append, error as Error))
      .finally(() => {
        this.#unanswered--;
        void this.recovery.recover(connection);
      });
  }

  #onAppended(append: PendingAppend, [seq, prev, time, fresh]: [number, number, number, number]): void {
    this.refusal = undefined;
    if (fresh === REUSED) return append.reject(keyReused(append.draft.key));
    const publication: Publication = { ...append.draft, seq, prev, time, size: append.size };
    const room = this.subscriber.rooms.get(append.draft.room);
    this.subscriber.acknowledged(seq);
    const resolve = () => append.resolve(publication);
    if (fresh && room) return room.acknowledge(seq, resolve);
    this.subscriber.advanceTo(seq);
    resolve();
  }

  #onFailed(connection: RedisConnection, append: PendingAppend, error: Error): void {
    const kind = redisErrorKind(error);
    if (kind === "scripts" || kind === "epoch" || kind === "elsewhere") {
      // Nothing was written. Send the publication again after the recovery.
      this.#pendingAppends.wait(append);
      return this.recovery.failed(connection, error);
    }
    this.stats.refused++;
    if (kind !== "refusal") return append.reject(kind === "gone" ? unanswered() : error);
    this.refused(error);
    append.reject(unavailable(`Redis refuses writes: ${error.message}`));
  }
}
