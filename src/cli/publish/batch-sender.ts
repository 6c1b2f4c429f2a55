// Batch sender: publishes items in order, each exactly once. After a lost response, the sender repeats the request with
// the same keys.
import { type HttpApi, ServerError } from "../http-api.ts";
import { describeError } from "../exit-codes.ts";
import type { PublishItem } from "./item.ts";

/** Bounds on the retry delay while the server is unavailable. */
const MIN_RETRY_MS = 250;
const MAX_RETRY_MS = 10_000;

interface ItemError {
  code: string;
  message: string;
  retry?: number;
}
type SendResult = { at: string } | { error: ItemError };

/** The result of a batch: its first `stored` items are stored, and the next one may have failed. */
export interface Sent {
  stored: number;
  /** The cursor of the last stored item. */
  at: string | undefined;
  failed: { item: PublishItem; error: ServerError } | undefined;
}

export interface SenderOptions {
  /** Maximum time in ms to keep retrying after a server becomes unavailable. */
  maxOutageMs: number;
  /** Called before each retry. */
  onWait: (ms: number, error: ServerError) => void;
}

export class BatchSender {
  #reached = false;
  /** Maximum size of a request's items in bytes. Lowered after a 413. */
  #maxBytes = 256 * 1024;
  /** Attempts since the last progress, and the time of that progress. */
  #attempts = 0;
  #lastProgressAt = 0;
  #stopped = false;
  #wake = () => {};

  constructor(
    readonly api: HttpApi,
    readonly options: SenderOptions,
  ) {}

  /** Stops waiting for the server: a failed request is no longer retried. */
  stop(): void {
    this.#stopped = true;
    this.#wake();
  }

  /**
   * Sends all items, up to the first item that fails.
   * @throws ServerError if the server is unreachable, or rejects the whole request
   */
  async send(items: PublishItem[]): Promise<Sent> {
    let stored = 0;
    let at: string | undefined;
    this.#attempts = 0;
    this.#lastProgressAt = performance.now();
    while (stored < items.length) {
      const batch = this.#nextBatch(items, stored);
      const { cursors, error, whole } = await this.#post(batch);
      if (cursors.length > 0) {
        stored += cursors.length;
        at = cursors.at(-1);
        this.#attempts = 0;
        this.#lastProgressAt = performance.now();
      }
      if (!error) continue;
      if (error.status === 413 && batch.length > 1) this.#maxBytes = Math.ceil(sizeOf(batch) / 2);
      else if (error.isRetryable) await this.#wait(error);
      else if (whole && error.status !== 413) throw error;
      else return { stored, at, failed: { item: items[stored] as PublishItem, error } };
    }
    return { stored, at, failed: undefined };
  }

  /** Returns the next items that fit into one request, and always at least one. */
  #nextBatch(items: PublishItem[], from: number): PublishItem[] {
    let end = from;
    let bytes = 0;
    while (end < items.length) {
      bytes += Buffer.byteLength((items[end] as PublishItem).body);
      if (bytes > this.#maxBytes && end > from) break;
      end++;
    }
    return items.slice(from, end);
  }

  /** Sends one request. Returns the cursors of stored items in order, and the error that stopped the rest. */
  async #post(batch: PublishItem[]): Promise<{ cursors: string[]; error?: ServerError; whole?: true }> {
    try {
      // With `ordered`, the server stops at the first failure, so later items cannot overtake it.
      const { results } = (await this.api.request("/publish?ordered=1", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: `[${batch.map(({ body }) => body).join(",")}]`,
      })) as { results?: SendResult[] };
      if (!Array.isArray(results) || results.length === 0)
        throw new ServerError(`The response of ${this.api.base}/publish has no results. Check --url.`, 200);
      this.#reached = true;
      const cursors: string[] = [];
      for (const result of results) {
        if ("error" in result) return { cursors, error: errorOfResult(result.error) };
        cursors.push(result.at);
      }
      return { cursors };
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      this.#reached ||= !error.isUnavailable;
      return { cursors: [], error, whole: true };
    }
  }

  /** Waits until the next attempt. @throws the error if no retry is left */
  async #wait(error: ServerError): Promise<void> {
    // If the server was never reached, the URL may be wrong.
    const outOfTime = !this.#reached || performance.now() - this.#lastProgressAt > this.options.maxOutageMs;
    if (this.#stopped || (error.isUnavailable && outOfTime)) throw error;
    const backoff = Math.random() * Math.min(MAX_RETRY_MS, MIN_RETRY_MS * 2 ** this.#attempts++);
    const ms = error.retry ?? Math.max(MIN_RETRY_MS / 2, backoff);
    this.options.onWait(ms, error);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    if (this.#stopped) throw error;
  }
}

function errorOfResult({ code, message, retry }: ItemError): ServerError {
  return new ServerError(describeError(message, code), undefined, code, retry);
}

function sizeOf(batch: PublishItem[]): number {
  return batch.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0);
}
