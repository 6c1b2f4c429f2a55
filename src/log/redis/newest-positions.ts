// Reads the newest positions of subscribed rooms, in chunks.
import type { Subscription } from "./subscription.ts";
import { chunks, type RedisConnection } from "./redis-connection.ts";
import type { KeyNames } from "./key-names.ts";
import type { RoomKeys } from "./room-keys.ts";
import { NEWEST, PROBE } from "./scripts.ts";

/**
 * The newest seq of each room, and the log's seq at the same moment. The value for an unknown room is 0. After `probe`,
 * it is -n for an unknown room that is complete from n on.
 */
export interface NewestPositions {
  seq: number;
  rooms: Map<string, number>;
}

export async function readNewest(
  connection: RedisConnection,
  names: KeyNames,
  epoch: string,
  rooms: Subscription[],
): Promise<NewestPositions> {
  const parts = rooms.length === 0 ? [[]] : chunks(rooms);
  const answers = await Promise.all(
    parts.map((some) => {
      const keys = [names.log, ...some.map(({ name }) => names.room(epoch, name))];
      return connection.eval(NEWEST, keys, [epoch]) as Promise<number[]>;
    }),
  );
  const seqs = answers.flatMap(([, ...newest]) => newest);
  return {
    seq: Math.max(...answers.map(([seq]) => seq ?? 0)),
    rooms: new Map(rooms.map(({ name }, i) => [name, seqs[i] ?? 0])),
  };
}

/**
 * Checks whether unknown rooms have lost messages since the last connection. (While a connection exists, no messages
 * are missed.)
 */
export async function probe(
  connection: RedisConnection,
  { names, period }: RoomKeys,
  epoch: string,
  { seq, rooms }: NewestPositions,
  subscriptions: Subscription[],
): Promise<void> {
  const unknown = subscriptions.filter(({ name, started }) => started && rooms.get(name) === 0);
  for (const some of chunks(unknown)) {
    const keys = some.flatMap(({ name }) => [names.room(epoch, name), names.stream(epoch, name)]);
    const args = [epoch, period, ...some.map(({ name }) => name)];
    const found = (await connection.eval(PROBE, [names.log, names.index(epoch), ...keys], args)) as number[];
    // If the room was published to in the meantime, reading it will reveal earlier losses.
    some.forEach(({ name }, i) => rooms.set(name, Math.min(found[i] ?? 0, seq)));
  }
}
