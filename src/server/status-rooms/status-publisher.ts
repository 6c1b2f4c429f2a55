// Publishes statistics, session events and errors to the `thump:*` rooms once a second. The console subscribes to them.
import { hostname } from "node:os";
import { ERRORS_ROOM, SESSIONS_ROOM, STATS_ROOM } from "../../protocol/status-rooms.ts";
import type { ServerCore } from "../server-core.ts";
import { StatusEvents } from "./status-events.ts";
import { ServerStats } from "./server-stats.ts";

const PUBLISH_INTERVAL_MS = 1000;
/** Number of publishers started in this process, which may run several servers. */
let started = 0;

/** Starts publishing. Returns a function that stops it. The cost does not depend on the server's load. */
export function startStatusPublisher(core: ServerCore): () => void {
  const node = `${hostname()}:${process.pid}${started === 0 ? "" : `/${started}`}`;
  started++;
  const stats = new ServerStats(core, node);
  const events = new StatusEvents();
  const unsubscribe = core.events.add(events);
  let busy = false;
  const publish = async (room: string, event: string, value: object): Promise<void> => {
    const data = { kind: "json", text: JSON.stringify(value) } as const;
    // Bypasses RoomService, which refuses publications to these rooms.
    const { size } = await core.hub.publish({ room, event, data });
    core.hub.stats.publishedOwn(size);
  };
  const report = async (): Promise<void> => {
    await publish(STATS_ROOM, "stats", stats.take());
    const sessions = events.takeSessions();
    if (sessions) await publish(SESSIONS_ROOM, "sessions", { node, ...sessions });
    const errors = events.takeErrors();
    if (errors) await publish(ERRORS_ROOM, "errors", { node, time: Date.now(), ...errors });
  };
  const timer = setInterval(() => {
    // Skips this report if the previous one is still waiting for the log, or if the log is failing.
    if (busy || core.hub.log.fault !== undefined) return;
    busy = true;
    report()
      .catch((error: unknown) => core.hub.events.fault("publishing to the status rooms", error))
      .finally(() => (busy = false));
  }, PUBLISH_INTERVAL_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    unsubscribe();
  };
}
