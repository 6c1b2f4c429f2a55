// SIGTERM handling for apps with the plugin: drains their sessions, then ends the process.
import { getLogger } from "@logtape/logtape";

/** An app that listens. */
export interface Stoppable {
  /** Ends its sessions. */
  drain(): Promise<void>;
  /** Stops the app, and closes the server's log. */
  stop(): Promise<void>;
}

/** The apps of the process and their only listener, shared even if the package is loaded more than once. */
interface Registry {
  readonly apps: Set<Stoppable>;
  readonly listener: () => void;
}

const REGISTRY_KEY = Symbol.for("thump: SIGTERM");
const log = getLogger(["thump"]);

/** Registers an app to be drained on SIGTERM. Returns a function that removes it; the listener leaves with the last app. */
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
    // A second signal ends the process, unless the app has handlers of its own.
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
  // The app's handlers end the process, and may not have finished.
  if (!isAlone()) return log.info("drained; the app's own SIGTERM handlers end the process");
  await Promise.all(all.map((app) => app.stop()));
  process.exit(0);
}

/** Whether the process has no other SIGTERM handler: Bun's default would have ended it. */
function isAlone(): boolean {
  return process.listenerCount("SIGTERM") <= 1;
}
