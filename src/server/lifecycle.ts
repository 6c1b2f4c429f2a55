// What the plugin does while its app is served: it publishes to the server's own rooms, and drains on SIGTERM.
import type { AnyElysia } from "elysia";
import type { ThumpServer } from "./thump-server.ts";
import { startStatusPublisher } from "./status-rooms/status-publisher.ts";
import { stopOnSigterm } from "./signals.ts";

/** How long requests that are being answered, and the last bytes of streams, have to leave, in ms. */
const FLUSH_TIMEOUT_MS = 1000;

export class Lifecycle {
  /** The app that listens, where Elysia says so: in a group it does not. */
  app: AnyElysia | undefined;
  #endings: (() => void)[] | undefined;

  /** @param signals whether it stops the app on SIGTERM */
  constructor(
    readonly thump: ThumpServer,
    readonly signals: boolean,
  ) {}

  /** Bun's server is known: from now on there can be sessions. A second call changes nothing. */
  begin(): void {
    if (this.#endings) return;
    this.#endings = [];
    const { thump } = this;
    if (this.signals)
      this.#endings.push(stopOnSigterm({ drain: () => thump.drain(), stop: () => this.#stop() }));
    if (!thump.settings.console) return;
    const stopFeed = startStatusPublisher(thump);
    this.#endings.push(stopFeed);
    thump.onClose(stopFeed);
  }

  /** The app has stopped. */
  end(): void {
    for (const end of this.#endings ?? []) end();
    this.#endings = undefined;
    this.thump.hub.stop();
  }

  /** Stops an app that was drained: with its own hooks, where the app is known. */
  async #stop(): Promise<void> {
    const { app, thump } = this;
    const server = app?.server ?? thump.server;
    await Promise.race([server?.stop(), Bun.sleep(FLUSH_TIMEOUT_MS)]);
    if (app?.server) await app.stop(true);
    else await server?.stop(true);
    await thump.close();
  }
}
