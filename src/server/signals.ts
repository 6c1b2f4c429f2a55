// SIGTERM for apps with the plugin in them: their sessions are drained, and then the process ends.
import { getLogger } from "@logtape/logtape";

/** An app that listens. */
export interface Stoppable {
  /** Ends its sessions. */
  drain(): Promise<void>;
  /** Stops the app, and what the plugin keeps open. */
  stop(): Promise<void>;
}

/** All apps of the process, and its one listener for them: also where the package is loaded more than once. */
interface Registry {
  readonly apps: Set<Stoppable>;
  readonly listener: () => void;
}

const REGISTRY_KEY = Symbol.for("thump: SIGTERM");
const log = getLogger(["thump"]);

/** Drains an app on SIGTERM. Returns what ends that: the last one leaves no listener behind. */
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
    // A second signal: at once, as far as it is ours to decide.
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
  // The app has its own way to end, and may still be busy with it.
  if (!isAlone()) return log.info("drained; the process is left to the app's own handlers of SIGTERM");
  await Promise.all(all.map((app) => app.stop()));
  process.exit(0);
}

/** Whether the process has no other handler: Bun would have ended it, had ours not been there. */
function isAlone(): boolean {
  return process.listenerCount("SIGTERM") <= 1;
}
