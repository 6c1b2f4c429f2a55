// The demo's ticker: the server's own figures, once a second, as long as somebody watches.
import type { RuleOptions } from "../rooms/rule-options.ts";
import type { ServerCore } from "./server-core.ts";
import { roomsInUse } from "./status-rooms/server-stats.ts";

export const TICKER = "demo:ticker";
export const TICKER_RULE: RuleOptions = { history: { count: 1 }, lag: "latest", publish: "server" };

/** The room that the page talks in, unless a config has rules of its own for it. */
export const CHAT = "demo:chat";
export const CHAT_RULE: RuleOptions = { presence: { grace: 1, list: 0 } };

/** Starts it; returns how to stop it. */
export function startTicker(core: ServerCore): () => void {
  const { hub } = core;
  const others = () => hub.stats.publications - hub.stats.ownPublications;
  let before = others();
  const timer = setInterval(() => {
    const rate = others() - before;
    before = others();
    if (core.sessionsIn(TICKER) === 0) return;
    const figures = {
      sessions: hub.sessions.size,
      rooms: roomsInUse(hub),
      rate,
      memory: process.memoryUsage.rss(),
      uptime: Math.floor(process.uptime()),
    };
    hub.stats.publishedOwn(JSON.stringify(figures).length);
    core
      .publish(TICKER, figures, { event: "stats" })
      .catch((error: unknown) => hub.events.fault("the demo's ticker", error));
  }, 1000);
  timer.unref();
  return () => clearInterval(timer);
}
