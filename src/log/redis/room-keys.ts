// What every script about a room is told: where it is kept, and how much of it.
import type { Retention } from "../../rooms/rule.ts";
import type { KeyNames } from "./key-names.ts";

export class RoomKeys {
  /** @param period what is known of a room is remembered for three times this, in ms */
  constructor(
    readonly names: KeyNames,
    public retentionOf: (room: string) => Retention,
    readonly period: number,
  ) {}

  keys(epoch: string, room: string): string[] {
    const { names } = this;
    const own = [names.room(epoch, room), names.kept(epoch, room)];
    return [names.log, ...own, names.rooms(epoch), names.index(epoch)];
  }

  retention(room: string): string[] {
    const { count, age, bytes } = this.retentionOf(room);
    // More than a century is for ever; Redis counts in ms.
    return [count, Math.min(age, 4e12), Math.min(bytes, 1e15)].map((bound) => bound.toFixed(0));
  }
}
