// StreamBody: pulls a source as fast as one client reads, and holds what the client is to be sent next.
import { encodeRetry } from "../protocol/event-stream.ts";
import { type SourceContext, type Opened, openSource, waitFor, wholeNumber } from "./source.ts";

/**
 * Why a stream ended: `done`, the source has no more; `client`, the client left; `error`, the source failed;
 * `stopped`, the server stops; `slow`, the client did not read.
 */
export type CloseReason = "done" | "client" | "error" | "stopped" | "slow";

/** What a close hook receives. */
export interface StreamEnd {
  /** Why the stream ended. */
  readonly reason: CloseReason;
  /** What the source threw, if the reason is `error`. */
  readonly error?: unknown;
}

export interface BodyOptions {
  lastEventId: string | undefined;
  /** Writes one value of the source as an event: text, or bytes of an event stream. */
  encode: (item: unknown) => string | Uint8Array;
  /** The time that clients wait before they reconnect, in ms. */
  retry?: number | undefined;
  /** Whether the stream begins with a comment, so that the client is connected before the first event. */
  greets: boolean;
  /** The time between keep-alive comments, in ms; 0: none. */
  keepAlive: number;
  /** A client that reads nothing for this time is disconnected, in ms. */
  stallTimeout: number;
  /** The most bytes that wait for a client because a callback does not. */
  maxBuffered: number;
  onClose?: ((end: StreamEnd) => unknown) | undefined;
  onError: (error: unknown) => void;
}

/** What is pulled and sent together at most: after this a client has to read. */
const BATCH_BYTES = 16 * 1024;
/** Values that are pulled for one batch, at most: to make them takes time, however small they are. */
const BATCH_ITEMS = 256;
/** Above this `send()` returns a promise. */
const SEND_AHEAD_BYTES = 64 * 1024;
const COMMENT = ":\n\n";
const LINE_FEED = 10;
const encoder = new TextEncoder();

/** A read that waits: of the bytes, or undefined when the stream has ended. */
type Read = (bytes: Uint8Array | undefined) => void;

export class StreamBody {
  /** Set when the stream has ended. What is pending is still sent if the reason is `done`, `error` or `stopped`. */
  end: StreamEnd | undefined;
  readonly #abort = new AbortController();
  #iterator: AsyncIterator<unknown> | Iterator<unknown> | undefined;
  #raw = false;
  #opened = false;
  #pulling = false;
  #cleanUp: (() => void) | undefined;
  #pending: Uint8Array[] = [];
  #texts: string[] = [];
  #size = 0;
  #items = 0;
  #read: Read | undefined;
  #flushing = false;
  #drained: { promise: Promise<void>; resolve: () => void } | undefined;
  #timer: Timer | undefined;
  /** Whether anything was sent since the last keep-alive. */
  #sent = false;
  /** Whether the last bytes sent end an event: a comment within one would become part of it. */
  #betweenEvents = true;
  /** Since when no read has waited. */
  #busySince = 0;
  /** Called when the stream has ended and the client is to receive nothing more: the connection is to be cut. */
  onCut = () => {};
  onEnd = () => {};

  constructor(
    readonly source: unknown,
    readonly options: BodyOptions,
  ) {}

  /** Is aborted when the stream ends. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Whether anything waits for the client to read. */
  get isBehind(): boolean {
    return this.#read === undefined;
  }

  /** The next bytes for the client, as soon as there are any; undefined at the end. Only then the source is pulled. */
  read(): Promise<Uint8Array | undefined> {
    return new Promise((resolve) => {
      this.#read = resolve;
      this.#items = 0;
      if (!this.#opened) this.#open();
      if (this.#size > 0 || this.end) this.#flushSoon();
      this.#releaseSenders();
      void this.#pull();
    });
  }

  /** Sends a value, or an event made by `sse()`. See `SourceContext.send`. */
  send(item: unknown): void | Promise<void> {
    if (this.end) return;
    this.#write(item);
    if (this.#size <= SEND_AHEAD_BYTES) return;
    if (this.#size > this.options.maxBuffered) return this.finish("slow");
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  #write(item: unknown): void {
    const encoded = this.options.encode(item);
    if (typeof encoded === "string") this.#writeText(encoded);
    else this.#writeBytes(encoded);
  }

  #writeText(text: string): void {
    if (text === "") return;
    this.#texts.push(text);
    // A letter of text is a byte or more of UTF-8: as a measure, this is enough.
    this.#size += text.length;
    this.#betweenEvents = true;
    this.#flushSoon();
  }

  /** Ends the stream. Further calls have no effect. */
  finish(reason: CloseReason, error?: unknown): void {
    if (this.end) return;
    this.end = reason === "error" ? { reason, error } : { reason };
    clearInterval(this.#timer);
    this.#abort.abort();
    if (reason !== "done") this.#returnIterator();
    this.#releaseSenders(true);
    if (reason === "error") this.#guard(() => this.options.onError(error));
    const cleanUp = this.#cleanUp;
    if (cleanUp) this.#guard(cleanUp);
    this.#guard(() => this.options.onClose?.(this.end as StreamEnd));
    this.onEnd();
    if (reason === "client" || reason === "slow" || (reason === "stopped" && this.isBehind)) this.#cut();
    else this.#flushSoon();
  }

  /** Starts the source. What it sends before the client reads is held, up to `maxBuffered`. */
  start(): void {
    if (!this.#opened) this.#open();
  }

  #cut(): void {
    this.#texts = [];
    this.#pending = [];
    this.#size = 0;
    this.#answer(undefined);
    this.onCut();
  }

  #open(): void {
    this.#opened = true;
    if (this.end) return;
    const { retry, greets, keepAlive, stallTimeout } = this.options;
    // A comment is sent after half of the time without events, at the latest after all of it.
    const interval = Math.min(keepAlive / 2 || Number.POSITIVE_INFINITY, stallTimeout);
    if (Number.isFinite(interval)) this.#timer = setInterval(() => this.#onTimer(), interval);
    this.#busySince = performance.now();
    if (retry !== undefined) this.#writeText(encodeRetry(retry));
    // Bun sends the headers with the first bytes.
    else if (greets) this.#writeText(COMMENT);
    try {
      const opened = openSource(this.source, this.#context());
      if (opened instanceof Promise)
        opened.then(
          (later) => this.#begin(later),
          (error: unknown) => this.finish("error", error),
        );
      else this.#begin(opened);
    } catch (error) {
      this.finish("error", error);
    }
  }

  #begin(opened: Opened): void {
    switch (opened.kind) {
      case "items":
        this.#iterator = opened.iterator;
        this.#raw = opened.raw;
        // The client left while the source was opened.
        if (this.end) this.#returnIterator();
        else if (this.#read) void this.#pull();
        break;
      case "sends":
        this.#cleanUp = opened.cleanUp;
        if (this.end) {
          if (opened.cleanUp) this.#guard(opened.cleanUp);
        } else if (opened.ends) this.finish("done");
        break;
      case "empty":
        this.finish("done");
    }
  }

  #context(): SourceContext<unknown> {
    const { lastEventId } = this.options;
    return {
      lastEventId,
      lastNumber: wholeNumber(lastEventId),
      signal: this.signal,
      wait: (ms) => waitFor(ms, this.signal),
      send: (item) => this.send(item),
      close: () => this.finish("done"),
    };
  }

  /** Pulls the source as long as a read waits and the batch is not full. */
  async #pull(): Promise<void> {
    const iterator = this.#iterator;
    if (iterator === undefined || this.#pulling) return;
    this.#pulling = true;
    try {
      while (this.#read && !this.end && this.#size < BATCH_BYTES && this.#items < BATCH_ITEMS) {
        const step = iterator.next();
        const { done, value } = "then" in step ? await step : await settled(step);
        // It was called while the client left: its own clean-up is under way.
        if (this.end) return;
        if (done) {
          this.finish("done");
          return;
        }
        this.#items++;
        if (this.#raw) this.#writeBytes(value as Uint8Array);
        else this.#write(value);
      }
    } catch (error) {
      this.finish("error", error);
    } finally {
      this.#pulling = false;
    }
  }

  #writeBytes(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#joinTexts();
    this.#pending.push(bytes);
    this.#size += bytes.length;
    this.#betweenEvents = bytes.at(-1) === LINE_FEED && bytes.at(-2) === LINE_FEED;
    this.#flushSoon();
  }

  #releaseSenders(always = false): void {
    if (!this.#drained || (!always && this.#size > SEND_AHEAD_BYTES)) return;
    this.#drained.resolve();
    this.#drained = undefined;
  }

  /** At the end of the tick: what was sent in it leaves as one chunk. */
  #flushSoon(): void {
    if (this.#flushing || !this.#read) return;
    this.#flushing = true;
    dirty.push(this);
    if (dirty.length === 1) setImmediate(flushAll);
  }

  /** @internal Called by `flushAll`. */
  flush(): void {
    this.#flushing = false;
    if (!this.#read) return;
    if (this.#size > 0) {
      this.#joinTexts();
      const chunk = this.#pending.length === 1 ? this.#pending[0] : Buffer.concat(this.#pending);
      this.#pending = [];
      this.#size = 0;
      this.#sent = true;
      this.#releaseSenders();
      this.#answer(chunk);
    } else if (this.end) this.#answer(undefined);
  }

  #answer(bytes: Uint8Array | undefined): void {
    const read = this.#read;
    this.#read = undefined;
    this.#busySince = performance.now();
    read?.(bytes);
  }

  #joinTexts(): void {
    if (this.#texts.length === 0) return;
    this.#pending.push(encoder.encode(this.#texts.length === 1 ? this.#texts[0] : this.#texts.join("")));
    this.#texts = [];
  }

  #onTimer(): void {
    if (this.isBehind) {
      if (this.#opened && performance.now() - this.#busySince >= this.options.stallTimeout)
        this.finish("slow");
      return;
    }
    if (!this.#sent && this.#betweenEvents && this.options.keepAlive > 0) this.#writeText(COMMENT);
    this.#sent = false;
  }

  #returnIterator(): void {
    const iterator = this.#iterator;
    // A generator that waits runs its `finally` when the wait is over: that is what the signal is for.
    this.#guard(() => iterator?.return?.());
  }

  /** Runs code of the user, whose errors must not keep the rest from running. */
  #guard(run: () => unknown): void {
    const { onError } = this.options;
    try {
      const result = run();
      if (result instanceof Promise) result.catch(onError);
    } catch (error) {
      onError(error);
    }
  }
}

/** A synchronous iterator may have promises as values. */
function settled(step: IteratorResult<unknown>): IteratorResult<unknown> | Promise<IteratorResult<unknown>> {
  const { value } = step;
  return value instanceof Promise ? value.then((known: unknown) => ({ done: false, value: known })) : step;
}

let dirty: StreamBody[] = [];

function flushAll(): void {
  const bodies = dirty;
  dirty = [];
  for (const body of bodies) body.flush();
}
