// The plugin's life cycle in an app: runs the status rooms while the app listens, and drains on SIGTERM.
import type { AnyElysia } from "elysia";
import type { ServerCore } from "./server-core.ts";
import { startStatusPublisher } from "./status-rooms/status-publisher.ts";
import { stopOnSigterm } from "./signals.ts";

/** Maximum time that a stopping server waits for responses in progress and for the last bytes of streams. */
export const FLUSH_TIMEOUT_MS = 1000;

export class Lifecycle {
  /** The app that listens. Undefined if the plugin is inside a group, where Elysia does not provide the app. */
  app: AnyElysia | undefined;
  #cleanups: (() => void)[] | undefined;

  /** @param signals whether to stop the app on SIGTERM */
  constructor(
    readonly core: ServerCore,
    readonly signals: boolean,
  ) {}

  /** Called when Bun's server is available and clients can connect. A second call does nothing. */
  begin(): void {
    if (this.#cleanups) return;
    this.#cleanups = [];
    const { core } = this;
    if (this.signals)
      this.#cleanups.push(stopOnSigterm({ drain: () => core.drain(), stop: () => this.#stop() }));
    if (!core.settings.console) return;
    const stopPublisher = startStatusPublisher(core);
    this.#cleanups.push(stopPublisher);
    core.onClose(stopPublisher);
  }

  /** Called when the app has stopped. */
  end(): void {
    for (const cleanup of this.#cleanups ?? []) cleanup();
    this.#cleanups = undefined;
    this.core.hub.stop();
  }

  /** Stops the drained app; runs its `onStop` hooks if the app is known. */
  async #stop(): Promise<void> {
    const { app, core } = this;
    const server = app?.server ?? core.server;
    await Promise.race([server?.stop(), Bun.sleep(FLUSH_TIMEOUT_MS)]);
    if (app?.server) await app.stop(true);
    else await server?.stop(true);
    await core.close();
  }
}
