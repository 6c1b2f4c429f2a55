// What every script about a room is told: where it is kept, and how much of it.
import type { Bounds } from "../../rooms/rule.ts";
import type { Names } from "./key-names.ts";

export class Places {
  /** @param period what is known of a room is remembered for three times this, in ms */
  constructor(
    readonly names: Names,
    public boundsOf: (room: string) => Bounds,
    readonly period: number,
  ) {}

  keys(epoch: string, room: string): string[] {
    const { names } = this;
    const own = [names.room(epoch, room), names.kept(epoch, room)];
    return [names.log, ...own, names.rooms(epoch), names.index(epoch)];
  }

  bounds(room: string): string[] {
    const { count, age, bytes } = this.boundsOf(room);
    // More than a century is for ever; Redis counts in ms.
    return [count, Math.min(age, 4e12), Math.min(bytes, 1e15)].map((bound) => bound.toFixed(0));
  }
}
