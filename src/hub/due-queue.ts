// A queue of items ordered by due time, with a resolution of 10 ms. Pure: the clock is a parameter.
import { type HeapItem, MinHeap } from "./min-heap.ts";

/** The resolution of due times. */
const STEP_MS = 10;

/** An item of the queue. An item can be in the queue only once. */
export interface DueItem {
  /** The step in which the item is due. Set by the queue. */
  step?: number | undefined;
}

/** All items due in one step. */
interface DueStep<T> extends HeapItem {
  readonly items: Set<T>;
}

export class DueQueue<T extends DueItem> {
  readonly #byStep = new Map<number, DueStep<T>>();
  /** A step whose items have all been deleted stays in the heap until it becomes the earliest step. */
  readonly #steps = new MinHeap<DueStep<T>>([]);

  /** When the earliest item is due, in ms; undefined if the queue is empty. */
  get next(): number | undefined {
    const step = this.#earliest();
    return step && step.next * STEP_MS;
  }

  /** Adds an item that is not in the queue. @param at when the item is due, in ms on any monotonic clock */
  add(item: T, at: number): void {
    const next = Math.ceil(at / STEP_MS);
    item.step = next;
    const known = this.#byStep.get(next);
    if (known) return void known.items.add(item);
    const step = { next, items: new Set([item]) };
    this.#byStep.set(next, step);
    this.#steps.add(step);
  }

  /** Removes an item if it is in the queue. */
  delete(item: T): void {
    if (item.step === undefined) return;
    this.#byStep.get(item.step)?.items.delete(item);
    item.step = undefined;
  }

  /** Removes and returns an item that is due. Returns undefined if no item is due. */
  take(now: number): T | undefined {
    const step = this.#earliest();
    if (!step || step.next * STEP_MS > now) return undefined;
    for (const item of step.items) {
      this.delete(item);
      return item;
    }
    return undefined;
  }

  /** Returns the earliest step that has items. */
  #earliest(): DueStep<T> | undefined {
    for (let step = this.#steps.first; step; step = this.#steps.first) {
      if (step.items.size > 0) return step;
      this.#byStep.delete(step.next);
      this.#steps.removeFirst();
    }
    return undefined;
  }
}
