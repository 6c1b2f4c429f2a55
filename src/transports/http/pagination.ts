// Pagination: selects one page of many items without sorting all of them, in slices over several ticks.
import { governor } from "../../scheduling/governor.ts";
import { TickSlice } from "../../scheduling/tick-slice.ts";

/** Number of items examined per tick. */
const ITEMS_PER_TICK = 2000;
const DEFAULT_LIMIT = "100";
const MAX_LIMIT = 1000;

/** The order of a list, and the cursor of an item. */
export interface PageOrder<T> {
  /** Negative if `a` precedes `b`. Zero only for the same item. */
  compare(a: T, b: T): number;
  cursor(item: T): string;
  /** Parses a cursor into an item with the fields that `compare` reads; undefined if the cursor is invalid. */
  parse(cursor: string): T | undefined;
}

export interface ItemPage<T> {
  items: T[];
  /** Number of items on all pages. */
  total: number;
  /** Cursor of the next page, if there is one. */
  cursor?: string;
}

/**
 * Selects the page after a cursor. Items that are added or removed during the selection may or may not be included.
 * @param items the items; undefined ones are skipped
 * @param after the last item of the previous page
 * @param limit items per page, in digits; at most 1,000
 */
export async function paginate<P, T extends P>(
  items: Iterable<T | undefined>,
  order: PageOrder<P>,
  after: P | undefined,
  limit = DEFAULT_LIMIT,
): Promise<ItemPage<T>> {
  // Selects one more item than fits on the page, to detect whether there is a next page.
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

/** Receives items in any order, and keeps the first `size` of them, sorted. */
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
      // Two sources may offer the same item.
      if (compared === 0) return;
      if (compared < 0) low = middle + 1;
      else high = middle;
    }
    items.splice(low, 0, item);
    if (items.length > size) items.pop();
  }
}
