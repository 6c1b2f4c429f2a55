// What a browser tells: the network is another one, the tab is seen again. Elsewhere nothing is told.

interface Target {
  addEventListener?(name: string, listener: () => void, options: { signal: AbortSignal }): void;
}

/**
 * Listens until the signal says stop.
 * @param wake what is connected may be dead, and what waits may go on. `moved`: it is another network
 */
export function listenToPage(wake: (moved: boolean) => void, signal: AbortSignal): void {
  const page = globalThis as Target & { document?: Target };
  const listen = (name: string, target: Target = page) =>
    target.addEventListener?.(name, () => wake(name === "online"), { signal });
  listen("online");
  listen("offline");
  if (page.document) listen("visibilitychange", page.document);
}
