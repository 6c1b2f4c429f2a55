// StreamBody: the events of one stream. Pulls the source as fast as the client reads, and calls the close hook.
import { encodeRetry } from "../protocol/event-stream.ts";
import { flushAtEndOfTick, type Flushable } from "./end-of-tick.ts";
import type { CloseReason, StreamEnd } from "./stream-end.ts";
import { PendingChunk } from "./pending-chunk.ts";
import { type Opened, openSource, settled, type SourceContext, waitFor, wholeNumber } from "./source.ts";

export interface BodyOptions {
  lastEventId: string | undefined;
  /** Encodes one value of the source as an event: text, or bytes of an event stream. */
  encode: (item: unknown) => string | Uint8Array;
  /** Time in ms that clients wait before they reconnect. */
  retry?: number | undefined;
  /** Whether the stream begins with a comment, so that the client knows that it is connected before the first event. */
  greets: boolean;
  /** Time in ms without events after which a comment is sent; 0 for no comments. */
  keepAlive: number;
  /** Time in ms after which a client that reads nothing is disconnected. */
  stallTimeout: number;
  /** Maximum number of bytes buffered for a client if a callback does not wait. */
  maxBuffered: number;
  onClose?: ((end: StreamEnd) => unknown) | undefined;
  onError: (error: unknown) => void;
}

/** Maximum number of bytes pulled for one read. */
const BATCH_BYTES = 16 * 1024;
/** Maximum number of values pulled for one read. Even small values take time to produce. */
const BATCH_ITEMS = 256;
/** Above this number of buffered bytes, `send()` returns a promise. */
const SEND_AHEAD_BYTES = 64 * 1024;
const COMMENT = ":\n\n";

/** Completes a read. Undefined means the end of the stream. */
type Read = (bytes: Uint8Array | undefined) => void;

export class StreamBody implements Flushable {
  /** Set when the stream has ended. Pending events are still sent if the reason is `done`, `error` or `stopped`. */
  end: StreamEnd | undefined;
  readonly #abort = new AbortController();
  #iterator: AsyncIterator<unknown> | Iterator<unknown> | undefined;
  #raw = false;
  #opened = false;
  #pulling = false;
  #cleanUp: (() => void) | undefined;
  readonly #pending = new PendingChunk();
  /** Number of values pulled since the last read. */
  #items = 0;
  /** The pending read, which waits for events. Undefined while the client is behind. */
  #read: Read | undefined;
  #flushing = false;
  #drained: { promise: Promise<void>; resolve: () => void } | undefined;
  #timer: Timer | undefined;
  /** True if anything was sent since the last keep-alive. */
  #sent = false;
  /** Time at which the last read was completed, from `performance.now()`. */
  #lastRead = 0;
  /** Called before the source is opened. */
  onOpen = () => {};
  /** Called when the stream has ended and nothing more can be sent. The caller closes the connection. */
  onCut = () => {};
  /** Called when the stream has ended. */
  onEnd = () => {};

  constructor(
    readonly source: unknown,
    readonly options: BodyOptions,
  ) {}

  /** Aborted when the stream ends. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** True if the client has not read again since the last chunk. */
  get isBehind(): boolean {
    return this.#read === undefined;
  }

  /**
   * Returns the next bytes for the client, or undefined at the end. The source is pulled only while a read is pending.
   */
  read(): Promise<Uint8Array | undefined> {
    return new Promise((resolve) => {
      this.#read = resolve;
      this.#items = 0;
      if (!this.#opened) this.#open();
      if (this.#pending.size > 0 || this.end) this.#flushSoon();
      this.#releaseSenders();
      void this.#pull();
    });
  }

  /** Sends a value, or an event created by `sse()`. See `SourceContext.send`. */
  send(item: unknown): void | Promise<void> {
    if (this.end) return;
    this.#write(item);
    if (this.#pending.size <= SEND_AHEAD_BYTES) return;
    if (this.#pending.size > this.options.maxBuffered) return this.finish("slow");
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  #write(item: unknown): void {
    const encoded = this.options.encode(item);
    if (typeof encoded === "string") this.#writeText(encoded);
    else this.#writeBytes(encoded);
  }

  #writeText(text: string): void {
    this.#pending.addText(text);
    this.#flushSoon();
  }

  #writeBytes(bytes: Uint8Array): void {
    this.#pending.addBytes(bytes);
    this.#flushSoon();
  }

  /** Ends the stream. Further calls have no effect. */
  finish(reason: CloseReason, error?: unknown): void {
    if (this.end) return;
    this.end = reason === "error" ? { reason, error } : { reason };
    this.#abort.abort();
    this.#returnIterator();
    this.#releaseSenders(true);
    if (reason === "error") this.#guard(() => this.options.onError(error));
    const cleanUp = this.#cleanUp;
    if (cleanUp) this.#guard(cleanUp);
    this.#guard(() => this.options.onClose?.(this.end as StreamEnd));
    this.onEnd();
    if (reason === "client" || reason === "slow" || (reason === "stopped" && this.isBehind)) this.#cut();
    else this.#flushSoon();
  }

  /** Starts the source before the first read. Events that the source sends are buffered, up to `maxBuffered` bytes. */
  start(): void {
    if (!this.#opened) this.#open();
  }

  #cut(): void {
    clearInterval(this.#timer);
    this.#pending.clear();
    this.#answer(undefined);
    this.onCut();
  }

  #open(): void {
    this.#opened = true;
    if (this.end) return;
    this.onOpen();
    const { retry, greets, keepAlive, stallTimeout } = this.options;
    // The timer fires twice per keep-alive period. A comment is therefore sent after at least half a period, and at
    // most a full period, without events.
    const interval = Math.min(keepAlive / 2 || Number.POSITIVE_INFINITY, stallTimeout);
    if (Number.isFinite(interval)) this.#timer = setInterval(() => this.#onTimer(), interval);
    this.#lastRead = performance.now();
    if (retry !== undefined) this.#writeText(encodeRetry(retry));
    // Bun sends the headers only with the first bytes.
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
        // The client may have left while the source was being opened.
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

  /** Pulls the source while a read is pending and the batch is not full. */
  async #pull(): Promise<void> {
    const iterator = this.#iterator;
    if (iterator === undefined || this.#pulling) return;
    this.#pulling = true;
    try {
      while (this.#read && !this.end && this.#pending.size < BATCH_BYTES && this.#items < BATCH_ITEMS) {
        const step = iterator.next();
        const { done, value } = "then" in step ? await step : await settled(step);
        // The stream ended during the wait, and `return()` was already called on the iterator.
        if (this.end) return;
        if (done) {
          this.#iterator = undefined;
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

  #releaseSenders(always = false): void {
    if (!this.#drained || (!always && this.#pending.size > SEND_AHEAD_BYTES)) return;
    this.#drained.resolve();
    this.#drained = undefined;
  }

  /** Completes the read at the end of the tick, with all of the tick's events in one chunk. */
  #flushSoon(): void {
    if (this.#flushing || !this.#read) return;
    this.#flushing = true;
    flushAtEndOfTick(this);
  }

  /** Called at the end of the tick. */
  flush(): void {
    this.#flushing = false;
    if (!this.#read) return;
    if (this.#pending.size > 0) {
      const chunk = this.#pending.take();
      this.#sent = true;
      this.#releaseSenders();
      this.#answer(chunk);
    } else if (this.end) {
      clearInterval(this.#timer);
      this.#answer(undefined);
    } else {
      // None of the values so far contained any bytes.
      this.#items = 0;
      void this.#pull();
    }
  }

  #answer(bytes: Uint8Array | undefined): void {
    const read = this.#read;
    this.#read = undefined;
    this.#lastRead = performance.now();
    read?.(bytes);
  }

  #onTimer(): void {
    if (this.isBehind) {
      if (performance.now() - this.#lastRead < this.options.stallTimeout) return;
      // A stream that has already ended drops its remaining events.
      if (this.end) this.#cut();
      else this.finish("slow");
      return;
    }
    if (!this.#sent && this.#pending.endsEvent && this.options.keepAlive > 0) this.#writeText(COMMENT);
    this.#sent = false;
  }

  #returnIterator(): void {
    const iterator = this.#iterator;
    // A waiting generator runs its `finally` block only after the wait. The signal can end the wait early.
    this.#guard(() => iterator?.return?.());
  }

  /** Runs app code. Errors are reported, and do not prevent the rest of the cleanup. */
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
