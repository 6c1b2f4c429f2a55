// The thread that writes, as the log sees it: a batch goes in, its outcome comes back. One at a time.
import type { Batch, Outcome } from "./batch.ts";
import type { BatchWriter } from "./group-commit.ts";
import type { Durability } from "./database-schema.ts";
import type { Order } from "./worker.ts";

/** How long a last checkpoint may take before the thread is ended all the same, in ms. */
const CLOSE_LIMIT = 10_000;

/** In a binary it is an entry point of its own, below the root that all of its modules were bundled into. */
const WORKER = new URL(
  import.meta.url.endsWith("/sqlite/writer-thread.ts") ? "./worker.ts" : "./log/sqlite/worker.ts",
  import.meta.url,
).href;

export class Host implements BatchWriter {
  readonly #worker: Worker;
  #answered: ((outcome: Outcome) => void) | undefined;
  #closed: (() => void) | undefined;
  /** The thread has ended, and with what words. */
  #broken: string | undefined;

  /** @param size how large the file may become, in bytes */
  constructor(path: string, durability: Durability, size: number) {
    this.#worker = new Worker(WORKER);
    this.#worker.unref();
    this.#worker.addEventListener("message", ({ data }: MessageEvent<Outcome | "closed">) => {
      if (data === "closed") this.#closed?.();
      else this.#answer(data);
    });
    this.#worker.addEventListener("error", ({ message }) => this.#break(message));
    this.#worker.addEventListener("close", () => this.#break("the thread that writes has ended"));
    this.#tell({ do: "open", path, durability, size });
  }

  /** Resolves when the batch is kept, or with the error because of which nothing of it is. */
  write(batch: Batch, again: boolean): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#answered = resolve;
      if (this.#broken === undefined) this.#tell({ do: "write", batch, again });
      else this.#break(this.#broken);
    });
  }

  async close(): Promise<void> {
    if (this.#broken !== undefined) return;
    let limit: Timer | undefined;
    await new Promise<void>((resolve) => {
      this.#closed = resolve;
      limit = setTimeout(resolve, CLOSE_LIMIT);
      this.#tell({ do: "close" });
    });
    clearTimeout(limit);
    this.#worker.terminate();
  }

  #tell(order: Order): void {
    this.#worker.postMessage(order);
  }

  #answer(outcome: Outcome): void {
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.(outcome);
  }

  #break(message: string): void {
    this.#broken = message;
    this.#closed?.();
    this.#answer({ took: 0, trimmed: 0, error: { code: "", message } });
  }
}
