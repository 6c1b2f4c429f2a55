// What waits to be yielded to one client of a generator.

export class Queue {
  #waiting: string[] = [];
  #wake: (() => void) | undefined;

  push(message: string): void {
    this.#waiting.push(message);
    this.#wake?.();
  }

  /** All that waits, once something does. */
  async next(): Promise<string[]> {
    if (this.#waiting.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    const messages = this.#waiting;
    this.#waiting = [];
    return messages;
  }
}
