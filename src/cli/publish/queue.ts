// What has been read and not been sent yet: bounded, so that a slow server slows the reader down. Pure.

export class Queue<T> {
  #items: T[] = [];
  #ended = false;
  #error: unknown;
  #wakeReader = () => {};
  #wakeTaker = () => {};

  /** @param limit so many wait at most */
  constructor(readonly limit: number) {}

  /** Resolves once there is room for another one; false when nobody wants any more. */
  async push(item: T): Promise<boolean> {
    while (this.#items.length >= this.limit && !this.#ended)
      await new Promise<void>((resolve) => (this.#wakeReader = resolve));
    if (this.#ended) return false;
    this.#items.push(item);
    this.#wakeTaker();
    return true;
  }

  /** Nothing more comes. What waits is still taken; then `error` is thrown, if there is one. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#wakeTaker();
    this.#wakeReader();
  }

  /** The next ones, as many as there are, at most `most`; as soon as there is one. None at the end. */
  async take(most: number): Promise<T[]> {
    while (this.#items.length === 0 && !this.#ended)
      await new Promise<void>((resolve) => (this.#wakeTaker = resolve));
    if (this.#items.length === 0 && this.#error !== undefined) throw this.#error;
    const taken = this.#items.splice(0, most);
    this.#wakeReader();
    return taken;
  }
}
