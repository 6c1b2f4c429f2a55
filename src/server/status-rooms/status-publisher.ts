// Publishes statistics, session events and errors once a second, in the server's own rooms. The console reads them.
import { hostname } from "node:os";
import { ERRORS_ROOM, SESSIONS_ROOM, STATS_ROOM } from "../../protocol/status-rooms.ts";
import type { ServerCore } from "../server-core.ts";
import { StatusEvents } from "./status-events.ts";
import { ServerStats } from "./server-stats.ts";

const PUBLISH_INTERVAL_MS = 1000;
/** How many there were in this process: a program may have several servers in it. */
let started = 0;

/** Starts it; returns how to stop it. What it costs does not depend on how much others publish. */
export function startStatusPublisher(core: ServerCore): () => void {
  const node = `${hostname()}:${process.pid}${started === 0 ? "" : `/${started}`}`;
  started++;
  const samples = new ServerStats(core, node);
  const notes = new StatusEvents();
  const forget = core.events.add(notes);
  let busy = false;
  const publish = async (room: string, event: string, value: object): Promise<void> => {
    const data = { kind: "json", text: JSON.stringify(value) } as const;
    // Not through the RoomService: it lets nobody publish in these rooms.
    const { size } = await core.hub.publish({ room, event, data });
    core.hub.stats.publishedOwn(size);
  };
  const tell = async (): Promise<void> => {
    await publish(STATS_ROOM, "stats", samples.take());
    const sessions = notes.takeSessions();
    if (sessions) await publish(SESSIONS_ROOM, "sessions", { node, ...sessions });
    const errors = notes.takeErrors();
    if (errors) await publish(ERRORS_ROOM, "errors", { node, time: Date.now(), ...errors });
  };
  const timer = setInterval(() => {
    // A log that takes its time, or takes nothing just now, is not asked for more and more.
    if (busy || core.hub.log.fault !== undefined) return;
    busy = true;
    tell()
      .catch((error: unknown) => core.hub.events.fault("the server's own rooms", error))
      .finally(() => (busy = false));
  }, PUBLISH_INTERVAL_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    forget();
  };
}
