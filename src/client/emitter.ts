// Listeners by name. One that throws is the page's own error, and harms neither the others nor the connection.

export type Events = Record<string, unknown[]>;

export class Emitter<E extends Events> {
  readonly #listeners = new Map<keyof E, Set<(...args: never[]) => unknown>>();

  /** Calls `listener` for each event of this name. Returns what takes it away again. */
  on<N extends keyof E>(name: N, listener: (...args: E[N]) => unknown): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /** Tells all listeners. False when there is none. */
  emit<N extends keyof E>(name: N, ...args: E[N]): boolean {
    const listeners = this.#listeners.get(name);
    for (const listener of Array.from(listeners ?? [])) {
      try {
        (listener as (...args: E[N]) => unknown)(...args);
      } catch (error) {
        // To where uncaught errors go.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
    return !!listeners?.size;
  }
}
