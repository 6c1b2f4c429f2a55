// The thread that writes, as the log sees it: a batch goes in, its outcome comes back. One at a time.
import type { WriteBatch, WriteOutcome } from "./batch.ts";
import type { BatchWriter } from "./group-commit.ts";
import type { Durability } from "./database-schema.ts";
import type { WriterOrder } from "./worker.ts";

/** How long a last checkpoint may take before the thread is ended all the same, in ms. */
const CLOSE_TIMEOUT_MS = 10_000;

/** In a binary it is an entry point of its own, below the root that all of its modules were bundled into. */
const WORKER_URL = new URL(
  import.meta.url.endsWith("/sqlite/writer-thread.ts") ? "./worker.ts" : "./log/sqlite/worker.ts",
  import.meta.url,
).href;

export class WriterThread implements BatchWriter {
  readonly #worker: Worker;
  #onOutcome: ((outcome: WriteOutcome) => void) | undefined;
  #closed: (() => void) | undefined;
  /** The thread has ended, and with what words. */
  #broken: string | undefined;

  /** @param size how large the file may become, in bytes */
  constructor(path: string, durability: Durability, size: number) {
    this.#worker = new Worker(WORKER_URL);
    this.#worker.unref();
    this.#worker.addEventListener("message", ({ data }: MessageEvent<WriteOutcome | "closed">) => {
      if (data === "closed") this.#closed?.();
      else this.#answer(data);
    });
    this.#worker.addEventListener("error", ({ message }) => this.#break(message));
    this.#worker.addEventListener("close", () => this.#break("the thread that writes has ended"));
    this.#post({ do: "open", path, durability, size });
  }

  /** Resolves when the batch is kept, or with the error because of which nothing of it is. */
  write(batch: WriteBatch, again: boolean): Promise<WriteOutcome> {
    return new Promise((resolve) => {
      this.#onOutcome = resolve;
      if (this.#broken === undefined) this.#post({ do: "write", batch, again });
      else this.#break(this.#broken);
    });
  }

  async close(): Promise<void> {
    if (this.#broken !== undefined) return;
    let limit: Timer | undefined;
    await new Promise<void>((resolve) => {
      this.#closed = resolve;
      limit = setTimeout(resolve, CLOSE_TIMEOUT_MS);
      this.#post({ do: "close" });
    });
    clearTimeout(limit);
    this.#worker.terminate();
  }

  #post(order: WriterOrder): void {
    this.#worker.postMessage(order);
  }

  #answer(outcome: WriteOutcome): void {
    const answered = this.#onOutcome;
    this.#onOutcome = undefined;
    answered?.(outcome);
  }

  #break(message: string): void {
    this.#broken = message;
    this.#closed?.();
    this.#answer({ took: 0, trimmed: 0, error: { code: "", message } });
  }
}
