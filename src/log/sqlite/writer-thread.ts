// Controls the writer thread: sends one batch at a time and returns its outcome.
import type { WriteBatch, WriteOutcome } from "./batch.ts";
import type { BatchWriter } from "./group-commit.ts";
import type { Durability } from "./database-schema.ts";
import type { WriterOrder } from "./worker.ts";

/** The time allowed for the final checkpoint before the thread is terminated, in ms. */
const CLOSE_TIMEOUT_MS = 10_000;

/** In a compiled binary, the worker is a separate entry point, relative to the root of the bundled modules. */
const WORKER_URL = new URL(
  import.meta.url.endsWith("/sqlite/writer-thread.ts") ? "./worker.ts" : "./log/sqlite/worker.ts",
  import.meta.url,
).href;

export class WriterThread implements BatchWriter {
  readonly #worker: Worker;
  #onOutcome: ((outcome: WriteOutcome) => void) | undefined;
  #closed: (() => void) | undefined;
  /** The reason why the thread has ended; undefined while it is running. */
  #broken: string | undefined;

  /** @param size the maximum size of the file, in bytes */
  constructor(path: string, durability: Durability, size: number) {
    this.#worker = new Worker(WORKER_URL);
    this.#worker.unref();
    this.#worker.addEventListener("message", ({ data }: MessageEvent<WriteOutcome | "closed">) => {
      if (data === "closed") this.#closed?.();
      else this.#onResult(data);
    });
    this.#worker.addEventListener("error", ({ message }) => this.#break(message));
    this.#worker.addEventListener("close", () => this.#break("the writer's thread has ended"));
    this.#post({ do: "open", path, durability, size });
  }

  /** Writes a batch. Resolves with the outcome even if the batch failed. A failed batch stores nothing. */
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

  #onResult(outcome: WriteOutcome): void {
    const resolve = this.#onOutcome;
    this.#onOutcome = undefined;
    resolve?.(outcome);
  }

  #break(message: string): void {
    this.#broken = message;
    this.#closed?.();
    this.#onResult({ took: 0, trimmed: 0, error: { code: "", message } });
  }
}
