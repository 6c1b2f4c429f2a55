// The demo's ticker: publishes server statistics once a second while the room has subscribers.
import type { RuleOptions } from "../rooms/rule-options.ts";
import type { ServerCore } from "./server-core.ts";
import { roomsInUse } from "./status-rooms/server-stats.ts";

export const TICKER = "demo:ticker";
export const TICKER_RULE: RuleOptions = { history: { count: 1 }, lag: "latest", publish: "server" };

/** Room for the demo page's chat. A configured rule takes precedence over `CHAT_RULE`. */
export const CHAT = "demo:chat";
export const CHAT_RULE: RuleOptions = { presence: { grace: 1, list: 0 } };

/** Starts the ticker. Returns a function that stops it. */
export function startTicker(core: ServerCore): () => void {
  const { hub } = core;
  const clientPublications = () => hub.stats.publications - hub.stats.ownPublications;
  let previous = clientPublications();
  const timer = setInterval(() => {
    const rate = clientPublications() - previous;
    previous = clientPublications();
    if (core.sessionsIn(TICKER) === 0) return;
    const statistics = {
      sessions: hub.sessions.size,
      rooms: roomsInUse(hub),
      rate,
      memory: process.memoryUsage.rss(),
      uptime: Math.floor(process.uptime()),
    };
    hub.stats.publishedOwn(JSON.stringify(statistics).length);
    core
      .publish(TICKER, statistics, { event: "stats" })
      .catch((error: unknown) => hub.events.fault("publishing to the demo's ticker", error));
  }, 1000);
  timer.unref();
  return () => clearInterval(timer);
}
