// What the plugin does while its app is served: it publishes to the server's own rooms, and drains on SIGTERM.
import type { AnyElysia } from "elysia";
import type { ServerCore } from "./server-core.ts";
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
    readonly core: ServerCore,
    readonly signals: boolean,
  ) {}

  /** Bun's server is known: from now on there can be sessions. A second call changes nothing. */
  begin(): void {
    if (this.#endings) return;
    this.#endings = [];
    const { core } = this;
    if (this.signals)
      this.#endings.push(stopOnSigterm({ drain: () => core.drain(), stop: () => this.#stop() }));
    if (!core.settings.console) return;
    const stopFeed = startStatusPublisher(core);
    this.#endings.push(stopFeed);
    core.onClose(stopFeed);
  }

  /** The app has stopped. */
  end(): void {
    for (const end of this.#endings ?? []) end();
    this.#endings = undefined;
    this.core.hub.stop();
  }

  /** Stops an app that was drained: with its own hooks, where the app is known. */
  async #stop(): Promise<void> {
    const { app, core } = this;
    const server = app?.server ?? core.server;
    await Promise.race([server?.stop(), Bun.sleep(FLUSH_TIMEOUT_MS)]);
    if (app?.server) await app.stop(true);
    else await server?.stop(true);
    await core.close();
  }
}
