// What the plugin does while its app is served: it publishes to the server's own rooms, and drains on SIGTERM.
import type { AnyElysia } from "elysia";
import type { Engine } from "./thump-server.ts";
import { startFeed } from "./status-rooms/status-publisher.ts";
import { stopOnSigterm } from "./signals.ts";

/** How long requests that are being answered, and the last bytes of streams, have to leave, in ms. */
const LAST_BYTES_MS = 1000;

export class Lifecycle {
  /** The app that listens, where Elysia says so: in a group it does not. */
  app: AnyElysia | undefined;
  #endings: (() => void)[] | undefined;

  /** @param signals whether it stops the app on SIGTERM */
  constructor(
    readonly engine: Engine,
    readonly signals: boolean,
  ) {}

  /** Bun's server is known: from now on there can be sessions. A second call changes nothing. */
  begin(): void {
    if (this.#endings) return;
    this.#endings = [];
    const { engine } = this;
    if (this.signals)
      this.#endings.push(stopOnSigterm({ drain: () => engine.drain(), stop: () => this.#stop() }));
    if (!engine.settings.console) return;
    const stopFeed = startFeed(engine);
    this.#endings.push(stopFeed);
    engine.onClose(stopFeed);
  }

  /** The app has stopped. */
  end(): void {
    for (const end of this.#endings ?? []) end();
    this.#endings = undefined;
    this.engine.hub.stop();
  }

  /** Stops an app that was drained: with its own hooks, where the app is known. */
  async #stop(): Promise<void> {
    const { app, engine } = this;
    const server = app?.server ?? engine.server;
    await Promise.race([server?.stop(), Bun.sleep(LAST_BYTES_MS)]);
    if (app?.server) await app.stop(true);
    else await server?.stop(true);
    await engine.close();
  }
}
