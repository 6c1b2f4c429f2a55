// Browser events after which a connection may be dead: network changes and visibility. Other runtimes have no such
// events.

interface Target {
  addEventListener?(name: string, listener: () => void, options: { signal: AbortSignal }): void;
}

/**
 * Listens until the signal aborts.
 * @param wake checks the connection, or ends the delay before a reconnect. `moved` is true if the network changed
 */
export function listenToPage(wake: (moved: boolean) => void, signal: AbortSignal): void {
  const page = globalThis as Target & { document?: Target };
  const listen = (name: string, target: Target = page) =>
    target.addEventListener?.(name, () => wake(name === "online"), { signal });
  listen("online");
  listen("offline");
  if (page.document) listen("visibilitychange", page.document);
}
