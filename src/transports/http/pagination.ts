// One page of many things, without sorting all of them, and a slice of them a turn: others go on meanwhile.
import { governor } from "../../scheduling/governor.ts";
import { TickSlice } from "../../scheduling/tick-slice.ts";

/** The most that are looked at in one tick, for all pages that are being put together. */
const ITEMS_PER_TICK = 2000;
const DEFAULT_LIMIT = "100";
const MAX_LIMIT = 1000;

/** How the things of a list stand in order, and how one is named as a cursor. */
export interface PageOrder<T> {
  /** Negative when `a` comes first. Zero only for the same thing. */
  compare(a: T, b: T): number;
  cursor(item: T): string;
  /** What a cursor names, as far as `compare` looks at it; undefined when it is none. */
  parse(cursor: string): T | undefined;
}

export interface ItemPage<T> {
  items: T[];
  /** How many there are in all. */
  total: number;
  /** Where the next page begins, if there is one. */
  cursor?: string;
}

/**
 * The page after a cursor. What comes and goes while it is looked for may be in it or not.
 * @param items those that fit; undefined ones are passed over
 * @param after what the page before ended with
 * @param limit how many to a page, at most 1,000, in digits
 */
export async function paginate<P, T extends P>(
  items: Iterable<T | undefined>,
  order: PageOrder<P>,
  after: P | undefined,
  limit = DEFAULT_LIMIT,
): Promise<ItemPage<T>> {
  // One more than the page has: then it is known whether there is another.
  const first = new TopItems<P, T>(Math.min(MAX_LIMIT, Math.max(1, Number(limit))) + 1, order);
  let total = 0;
  let slice = new TickSlice(ITEMS_PER_TICK, undefined, await governor.next());
  for (const item of items) {
    if (!slice.take()) {
      slice = new TickSlice(ITEMS_PER_TICK, undefined, await governor.next());
      slice.take();
    }
    if (item === undefined) continue;
    total++;
    if (after === undefined || order.compare(item, after) > 0) first.offer(item);
  }
  const { items: found, size } = first;
  const page = found.slice(0, size - 1);
  const last = page.at(-1);
  return { items: page, total, ...(found.length === size && last ? { cursor: order.cursor(last) } : {}) };
}

/** The first few in order of all that are offered. */
class TopItems<P, T extends P> {
  readonly items: T[] = [];

  constructor(
    readonly size: number,
    readonly order: PageOrder<P>,
  ) {}

  offer(item: T): void {
    const { items, size, order } = this;
    const last = items.at(-1);
    if (items.length === size && last !== undefined && order.compare(item, last) >= 0) return;
    let low = 0;
    let high = items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const compared = order.compare(items[middle] as T, item);
      // It came by twice, from two places.
      if (compared === 0) return;
      if (compared < 0) low = middle + 1;
      else high = middle;
    }
    items.splice(low, 0, item);
    if (items.length > size) items.pop();
  }
}
