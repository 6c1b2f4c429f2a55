// Reports when a Bun server stops. `server.stop()` waits for all responses, but a stream does not end by itself.
import type { Server } from "bun";

const running = new WeakMap<Server<unknown>, Set<() => void>>();

/** Calls `run` when `server.stop()` is called. Returns a function that removes the callback. */
export function onServerStop(server: Server<unknown>, run: () => void): () => void {
  let listeners = running.get(server);
  if (!listeners) {
    listeners = new Set();
    running.set(server, listeners);
    announceStop(server, listeners);
  }
  const known = listeners;
  known.add(run);
  return () => void known.delete(run);
}

/**
 * Wraps `server.stop()`. Elysia's stop hooks are not enough: they run only after the server has stopped, and never for
 * a plugin in a group.
 */
function announceStop(server: Server<unknown>, listeners: Set<() => void>): void {
  const stop = server.stop.bind(server);
  server.stop = (closeActiveConnections) => {
    for (const run of listeners) run();
    return stop(closeActiveConnections);
  };
}
