// How far the rooms that are followed here have come, asked in parts.
import type { Subscription } from "./subscription.ts";
import { chunks, type RedisConnection } from "./redis-connection.ts";
import type { KeyNames } from "./key-names.ts";
import type { RoomKeys } from "./room-keys.ts";
import { NEWEST, PROBE } from "./scripts.ts";

/**
 * The newest of each room, by name, and how far the log was when that was so. 0 where nothing is known of a room;
 * negative after `probe`: then it is complete from that seq on.
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
 * Asks of rooms of which nothing is known whether something may have been lost since the last connection. (While a
 * connection stands, nothing is missed.)
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
    const keys = some.flatMap(({ name }) => [names.room(epoch, name), names.kept(epoch, name)]);
    const args = [epoch, period, ...some.map(({ name }) => name)];
    const found = (await connection.eval(PROBE, [names.log, names.index(epoch), ...keys], args)) as number[];
    // One that was published to since then: reading it tells what was before.
    some.forEach(({ name }, i) => rooms.set(name, Math.min(found[i] ?? 0, seq)));
  }
}
