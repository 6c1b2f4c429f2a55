// The queue of messages for one client of the generator server.

export class Queue {
  #waiting: string[] = [];
  #wake: (() => void) | undefined;

  push(message: string): void {
    this.#waiting.push(message);
    this.#wake?.();
  }

  /** Waits until the queue contains messages, and returns all of them. */
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
