// What a browser tells: the network is another one, the tab is seen again. Elsewhere nothing is told.

interface Target {
  addEventListener?(name: string, listener: () => void): void;
  removeEventListener?(name: string, listener: () => void): void;
}

/**
 * Listens until the returned function is called.
 * @param wake what is connected may be dead, and what waits may go on. `moved`: it is another network
 */
export function listenToPage(wake: (moved: boolean) => void): () => void {
  const page = globalThis as Target & { document?: Target };
  const wanted: [Target | undefined, string, () => void][] = [
    [page, "online", () => wake(true)],
    [page, "offline", () => wake(false)],
    [page.document, "visibilitychange", () => wake(false)],
  ];
  for (const [target, name, listener] of wanted) target?.addEventListener?.(name, listener);
  return () => {
    for (const [target, name, listener] of wanted) target?.removeEventListener?.(name, listener);
  };
}
