// A queue of items by the time at which they are due, in steps of 10 ms. Pure: the clock is handed in.

/** The resolution, in ms. */
const STEP_MS = 10;

/** Something that waits in the queue for at most one time. */
export interface Due {
  /** The step in which it is due; the queue sets it. */
  step?: number | undefined;
}

export class DueQueue<T extends Due> {
  readonly #items = new Map<number, Set<T>>();
  /** The steps, as a binary heap: the earliest first. A step of which all items were deleted stays until it comes. */
  readonly #steps: number[] = [];

  /** When the earliest items are due, in ms; undefined if there are none. */
  get next(): number | undefined {
    const step = this.#earliest();
    return step === undefined ? undefined : step * STEP_MS;
  }

  /** Adds an item, which must not be in the queue. @param at in ms, by any monotonic clock */
  add(item: T, at: number): void {
    const step = Math.ceil(at / STEP_MS);
    item.step = step;
    const items = this.#items.get(step);
    if (items) return void items.add(item);
    this.#items.set(step, new Set([item]));
    this.#push(step);
  }

  delete(item: T): void {
    if (item.step === undefined) return;
    this.#items.get(item.step)?.delete(item);
    item.step = undefined;
  }

  /** Removes and returns an item that is due; undefined if none is. */
  take(now: number): T | undefined {
    const step = this.#earliest();
    if (step === undefined || step * STEP_MS > now) return undefined;
    for (const item of this.#items.get(step) ?? []) {
      this.delete(item);
      return item;
    }
    return undefined;
  }

  /** The earliest step that has items. */
  #earliest(): number | undefined {
    for (;;) {
      const [step] = this.#steps;
      if (step === undefined || this.#items.get(step)?.size) return step;
      this.#items.delete(step);
      this.#pop();
    }
  }

  #push(step: number): void {
    const heap = this.#steps;
    let at = heap.push(step) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if ((heap[parent] as number) <= step) break;
      heap[at] = heap[parent] as number;
      at = parent;
    }
    heap[at] = step;
  }

  #pop(): void {
    const heap = this.#steps;
    const last = heap.pop() as number;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child++;
      if ((heap[child] as number) >= last) break;
      heap[at] = heap[child] as number;
      at = child;
    }
    heap[at] = last;
  }
}
