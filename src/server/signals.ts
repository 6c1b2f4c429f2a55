// SIGTERM handling for apps that use the plugin: drains their sessions, then ends the process.
import { getLogger } from "@logtape/logtape";

/** An app that listens. */
export interface Stoppable {
  /** Ends its sessions. */
  drain(): Promise<void>;
  /** Stops the app, and closes the server's log. */
  stop(): Promise<void>;
}

/**
 * The process's apps and their single SIGTERM listener. Both are shared even if the package is loaded more than once.
 */
interface Registry {
  readonly apps: Set<Stoppable>;
  readonly listener: () => void;
}

const REGISTRY_KEY = Symbol.for("thump: SIGTERM");
const log = getLogger(["thump"]);

/**
 * Registers an app to be drained on SIGTERM. Returns a function that removes the app. The SIGTERM listener is removed
 * together with the last app.
 */
export function stopOnSigterm(app: Stoppable): () => void {
  const { apps, listener } = registry();
  if (apps.size === 0) process.on("SIGTERM", listener);
  apps.add(app);
  return () => {
    if (apps.delete(app) && apps.size === 0) process.off("SIGTERM", listener);
  };
}

function registry(): Registry {
  const holder = globalThis as { [REGISTRY_KEY]?: Registry };
  return (holder[REGISTRY_KEY] ??= create());
}

function create(): Registry {
  const apps = new Set<Stoppable>();
  let stopping = false;
  const listener = () => {
    // A second signal ends the process, unless the app has its own handlers.
    if (stopping && isAlone()) process.exit(1);
    if (stopping) return;
    stopping = true;
    stop(apps).catch((error: unknown) => {
      log.error("could not drain on SIGTERM: {error}", { error });
      if (isAlone()) process.exit(1);
    });
  };
  return { apps, listener };
}

async function stop(apps: Set<Stoppable>): Promise<void> {
  const all = [...apps];
  log.info("SIGTERM: draining");
  await Promise.all(all.map((app) => app.drain()));
  // If the app has its own handlers, they end the process. They may still be running.
  if (!isAlone()) return log.info("drained; the app's own SIGTERM handlers end the process");
  await Promise.all(all.map((app) => app.stop()));
  process.exit(0);
}

/** Whether the process has no other SIGTERM handler. If so, Thump ends the process, as Bun would without a handler. */
function isAlone(): boolean {
  return process.listenerCount("SIGTERM") <= 1;
}
