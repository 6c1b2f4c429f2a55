// Puts right what Redis complains of on a connection that stands: scripts that are gone, a log that began anew.
import { unavailable } from "../../protocol/codes.ts";
import { kindOf } from "./redis-errors.ts";
import type { Link } from "./redis-connection.ts";

export interface MenderEvents {
  /** Whether something is under way that would come out of its order. */
  isBusy(): boolean;
  /** Enters the log again. */
  enter(link: Link): Promise<void>;
  mended(): void;
}

export class Mender {
  #mending: { scripts: boolean; epoch: boolean; done: PromiseWithResolvers<void> } | undefined;

  constructor(
    readonly link: () => Link | undefined,
    readonly events: MenderEvents,
  ) {}

  /** While something is put right: when that is done. It rejects when the connection breaks before. */
  get done(): Promise<void> | undefined {
    return this.#mending?.done.promise;
  }

  /** Sees to what can be put right. What a connection said that is gone does not matter. */
  failed(link: Link, error: Error): void {
    if (this.link() !== link) return;
    const wrong = kindOf(error);
    if (wrong === "elsewhere") return link.end(error);
    if (wrong !== "scripts" && wrong !== "epoch") return;
    this.#mending ??= { scripts: false, epoch: false, done: Promise.withResolvers() };
    // Not everybody waits for it.
    this.#mending.done.promise.catch(() => {});
    this.#mending[wrong] = true;
    void this.go(link);
  }

  /** Once nothing is under way, what was wrong is put right, and all goes on in its order. */
  async go(link: Link): Promise<void> {
    const mending = this.#mending;
    if (!mending || this.events.isBusy() || this.link() !== link) return;
    try {
      if (mending.scripts) await link.reload();
      if (mending.epoch) await this.events.enter(link);
      if (this.#mending !== mending) return;
      this.#mending = undefined;
      mending.done.resolve();
      this.events.mended();
    } catch (error) {
      link.end(error as Error);
    }
  }

  /** The connection is gone: the next one begins with everything right. */
  down(): void {
    this.#mending?.done.reject(unavailable("Redis cannot be reached just now."));
    this.#mending = undefined;
  }
}
