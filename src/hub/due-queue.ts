// A queue of items by the time at which they are due, in steps of 10 ms. Pure: the clock is handed in.
import { type HeapItem, MinHeap } from "./min-heap.ts";

/** The resolution, in ms. */
const STEP_MS = 10;

/** Something that waits in the queue for at most one time. */
export interface DueItem {
  /** The step in which it is due; the queue sets it. */
  step?: number | undefined;
}

/** All items that are due in one step, which is `next`. */
interface DueStep<T> extends HeapItem {
  readonly items: Set<T>;
}

export class DueQueue<T extends DueItem> {
  readonly #byStep = new Map<number, DueStep<T>>();
  /** A step of which all items were deleted stays until it comes. */
  readonly #steps = new MinHeap<DueStep<T>>([]);

  /** When the earliest items are due, in ms; undefined if there are none. */
  get next(): number | undefined {
    const step = this.#earliest();
    return step && step.next * STEP_MS;
  }

  /** Adds an item, which must not be in the queue. @param at in ms, by any monotonic clock */
  add(item: T, at: number): void {
    const next = Math.ceil(at / STEP_MS);
    item.step = next;
    const known = this.#byStep.get(next);
    if (known) return void known.items.add(item);
    const step = { next, items: new Set([item]) };
    this.#byStep.set(next, step);
    this.#steps.add(step);
  }

  delete(item: T): void {
    if (item.step === undefined) return;
    this.#byStep.get(item.step)?.items.delete(item);
    item.step = undefined;
  }

  /** Removes and returns an item that is due; undefined if none is. */
  take(now: number): T | undefined {
    const step = this.#earliest();
    if (!step || step.next * STEP_MS > now) return undefined;
    for (const item of step.items) {
      this.delete(item);
      return item;
    }
    return undefined;
  }

  /** The earliest step that has items. */
  #earliest(): DueStep<T> | undefined {
    for (let step = this.#steps.first; step; step = this.#steps.first) {
      if (step.items.size > 0) return step;
      this.#byStep.delete(step.next);
      this.#steps.removeFirst();
    }
    return undefined;
  }
}
