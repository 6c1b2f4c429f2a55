// Event emitter. An exception in a listener is reported as uncaught, and affects neither other listeners nor the caller.

export type Events = Record<string, unknown[]>;

export class Emitter<E extends Events> {
  readonly #listeners = new Map<keyof E, Set<(...args: never[]) => unknown>>();

  /** Calls `listener` for each event with this name. @returns a function that removes the listener */
  on<N extends keyof E>(name: N, listener: (...args: E[N]) => unknown): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /** Calls all listeners for this name. Returns false if there are none. */
  emit<N extends keyof E>(name: N, ...args: E[N]): boolean {
    const listeners = this.#listeners.get(name);
    for (const listener of Array.from(listeners ?? [])) {
      try {
        (listener as (...args: E[N]) => unknown)(...args);
      } catch (error) {
        // Rethrown outside the loop, as an uncaught error.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
    return !!listeners?.size;
  }
}
