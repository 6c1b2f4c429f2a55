// The feed: once a second the server says how it fares, in rooms of its own. The console listens there.
import { hostname } from "node:os";
import { ERRORS_ROOM, SESSIONS_ROOM, STATS_ROOM } from "../../protocol/status-rooms.ts";
import type { Engine } from "../thump-server.ts";
import { Notes } from "./status-events.ts";
import { Samples } from "./server-stats.ts";

const EVERY_MS = 1000;
/** How many there were in this process: a program may have several servers in it. */
let started = 0;

/** Starts it; returns how to stop it. What it costs does not depend on how much others publish. */
export function startFeed(engine: Engine): () => void {
  const node = `${hostname()}:${process.pid}${started === 0 ? "" : `/${started}`}`;
  started++;
  const samples = new Samples(engine, node);
  const notes = new Notes();
  const forget = engine.journals.add(notes);
  let busy = false;
  const publish = async (room: string, event: string, value: object): Promise<void> => {
    const data = { kind: "json", text: JSON.stringify(value) } as const;
    // Not by the door: nobody comes through it into these rooms.
    const { size } = await engine.hub.publish({ room, event, data });
    engine.hub.stats.publishedOwn(size);
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
    if (busy || engine.hub.log.fault !== undefined) return;
    busy = true;
    tell()
      .catch((error: unknown) => engine.hub.journal.fault("the server's own rooms", error))
      .finally(() => (busy = false));
  }, EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    forget();
  };
}
