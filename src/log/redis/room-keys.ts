// Common arguments of room scripts: the room's keys and retention.
import type { Retention } from "../../rooms/rule.ts";
import type { KeyNames } from "./key-names.ts";

export class RoomKeys {
  /** @param period in ms; a room's position is remembered for three periods */
  constructor(
    readonly names: KeyNames,
    public retentionOf: (room: string) => Retention,
    readonly period: number,
  ) {}

  keys(epoch: string, room: string): string[] {
    const { names } = this;
    const own = [names.room(epoch, room), names.stream(epoch, room)];
    return [names.log, ...own, names.rooms(epoch), names.index(epoch)];
  }

  retention(room: string): string[] {
    const { count, age, bytes } = this.retentionOf(room);
    // The scripts need integers, so `Infinity` becomes a large number, such as an age of more than a century.
    return [count, Math.min(age, 4e12), Math.min(bytes, 1e15)].map((bound) => bound.toFixed(0));
  }
}
