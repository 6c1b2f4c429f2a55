// Sends publications in order, each exactly once: one request at a time, and again with the same keys when in doubt.
import { type HttpApi, ServerError } from "../http-api.ts";
import { explainRefusal } from "../exit-codes.ts";
import type { PublishItem } from "./item.ts";

/** The first wait for a server that is away, and the longest, in ms. */
const MIN_RETRY_MS = 250;
const MAX_RETRY_MS = 10_000;

interface ItemError {
  code: string;
  message: string;
  retry?: number;
}
type SendResult = { at: string } | { error: ItemError };

/** What became of a batch: the first so many are kept, and then one may have been refused. */
export interface Sent {
  kept: number;
  /** The cursor of the last that is kept. */
  at: string | undefined;
  refused: { item: PublishItem; error: ServerError } | undefined;
}

export interface SenderOptions {
  /** How long a server that was there may be away, in ms. */
  patience: number;
  /** It waits, and for what. */
  onWait: (ms: number, error: ServerError) => void;
}

export class BatchSender {
  #reached = false;
  /** How many bytes the items of one request may have: fewer once that was too much. */
  #maxBytes = 256 * 1024;
  /** How often in vain, and since when, in ms. */
  #tries = 0;
  #since = 0;
  #stopped = false;
  #wake = () => {};

  constructor(
    readonly api: HttpApi,
    readonly options: SenderOptions,
  ) {}

  /** Waits for nobody any more. */
  stop(): void {
    this.#stopped = true;
    this.#wake();
  }

  /**
   * Sends all of them, or all up to the first that the server does not take.
   * @throws ServerError when the server cannot be reached, or takes none
   */
  async send(items: PublishItem[]): Promise<Sent> {
    let kept = 0;
    let at: string | undefined;
    this.#tries = 0;
    this.#since = performance.now();
    while (kept < items.length) {
      const batch = this.#cut(items, kept);
      const { good, error, whole } = await this.#post(batch);
      if (good.length > 0) {
        kept += good.length;
        at = good.at(-1);
        this.#tries = 0;
        this.#since = performance.now();
      }
      if (!error) continue;
      if (error.status === 413 && batch.length > 1) this.#maxBytes = Math.ceil(sizeOf(batch) / 2);
      else if (error.passing) await this.#wait(error);
      else if (whole && error.status !== 413) throw error;
      else return { kept, at, refused: { item: items[kept] as PublishItem, error } };
    }
    return { kept, at, refused: undefined };
  }

  /** As many as fit into one request; one at least. */
  #cut(items: PublishItem[], from: number): PublishItem[] {
    let end = from;
    let bytes = 0;
    while (end < items.length) {
      bytes += Buffer.byteLength((items[end] as PublishItem).body);
      if (bytes > this.#maxBytes && end > from) break;
      end++;
    }
    return items.slice(from, end);
  }

  /** One request: the cursors of those that are kept, in order, and what stopped the others. */
  async #post(batch: PublishItem[]): Promise<{ good: string[]; error?: ServerError; whole?: true }> {
    try {
      // `ordered`: what comes after one that is refused is not tried, so none overtakes it.
      const { results } = (await this.api.request("/publish?ordered=1", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: `[${batch.map(({ body }) => body).join(",")}]`,
      })) as { results?: SendResult[] };
      if (!Array.isArray(results) || results.length === 0)
        throw new ServerError(`${this.api.base}/publish answered without results. Look at --url.`, 200);
      this.#reached = true;
      const good: string[] = [];
      for (const result of results) {
        if ("error" in result) return { good, error: ofResult(result.error) };
        good.push(result.at);
      }
      return { good };
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      this.#reached ||= !error.away;
      return { good: [], error, whole: true };
    }
  }

  /** Until it is worth another try. @throws the error when it is not */
  async #wait(error: ServerError): Promise<void> {
    // One that never was there may be a mistake in its address.
    const impatient = !this.#reached || performance.now() - this.#since > this.options.patience;
    if (this.#stopped || (error.away && impatient)) throw error;
    const backoff = Math.random() * Math.min(MAX_RETRY_MS, MIN_RETRY_MS * 2 ** this.#tries++);
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

function ofResult({ code, message, retry }: ItemError): ServerError {
  return new ServerError(explainRefusal(message, code), undefined, code, retry);
}

function sizeOf(batch: PublishItem[]): number {
  return batch.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0);
}
