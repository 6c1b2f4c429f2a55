// Stream: the interface of `@elysiajs/stream`, so that a route that uses it changes only its import.
import { reportError } from "./plugin.ts";
import { toReadable } from "./response.ts";
import { EventWriter } from "./sse.ts";
import { StreamBody } from "./stream-body.ts";
import type { StreamEnd } from "./stream-end.ts";

/** The sources of a `Stream`, in addition to a callback. */
export type Streamable = Iterable<unknown> | AsyncIterable<unknown> | ReadableStream | Response | null;

/** Options of a `Stream`. */
export interface StreamClassOptions {
  /** Name of all events. Can be changed later: `stream.event = "tick"`. */
  event?: string | undefined;
  /** The time that clients wait before they reconnect, in ms, sent with every event. Can be changed later. */
  retry?: number | undefined;
  /** The time without events after which a comment is sent, in ms. Default 0: none is sent, as in `@elysiajs/stream`. */
  keepAlive?: number | undefined;
  /** Called once when the stream has ended, for whatever reason. */
  onClose?: ((end: StreamEnd) => unknown) | undefined;
}

/** Resolves after a number of milliseconds. */
export const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const STALL_TIMEOUT_MS = 60_000;
/** Bytes that wait for a client because the callback does not wait for `send()`. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
/** Text that is an event already: it begins with a field, and ends with the blank line that ends an event. */
const ENCODED_EVENT = /^(?:id|event|data|retry):[^]*\n\n$/;

/**
 * An event stream with the interface of `@elysiajs/stream`. Unlike that it numbers its events, splits text with several
 * lines, waits for clients that do not read, and has a close hook.
 * @example new Elysia().get("/", () => new Stream(async (stream) => { stream.send("hello"); stream.close(); }))
 */
export class Stream<Data extends string | number | boolean | object = string | number | boolean | object> {
  /** The stream of bytes. `value` and `toResponse()` return it. */
  readonly stream: ReadableStream<Data>;
  /** See `wait`. */
  readonly wait = wait;
  readonly #body: StreamBody;
  readonly #writer = new EventWriter(0);
  #event: string | undefined;
  #retry: number | undefined;

  /**
   * @param source a callback, which is called at once, or what is streamed
   * @param options name of the events, and retry time
   */
  constructor(
    source?: ((stream: Stream<Data>) => unknown) | Streamable | Promise<Streamable>,
    { event, retry, keepAlive, onClose }: StreamClassOptions = {},
  ) {
    this.#event = event || undefined;
    this.#retry = retry || undefined;
    const called = typeof source === "function" || source === undefined;
    const open = called ? () => this.#call(source) : bodyOf(source);
    this.#body = new StreamBody(open, {
      lastEventId: undefined,
      greets: false,
      keepAlive: keepAlive ?? 0,
      stallTimeout: STALL_TIMEOUT_MS,
      maxBuffered: MAX_BUFFERED_BYTES,
      onClose,
      onError: reportError,
      encode: (item) => this.#encode(item),
    });
    this.stream = forElysia(this.#body) as ReadableStream<Data>;
    if (called) this.#body.start();
  }

  /** The time that clients wait before they reconnect, in ms. */
  get retry(): number | undefined {
    return this.#retry;
  }
  set retry(retry: number | undefined) {
    this.#retry = retry || undefined;
  }

  /** Name of the events that follow. */
  get event(): string | undefined {
    return this.#event;
  }
  set event(event: string | undefined) {
    this.#event = event || undefined;
  }

  /** Joins two arrays of bytes. */
  static concatUintArray(a: Uint8Array, b: Uint8Array): Uint8Array {
    return Buffer.concat([a, b]);
  }

  /**
   * Sends data as an event. Bytes, and text that is an event already, are sent as they stand; "" is ignored. Returns a
   * promise while the client is behind. A stream whose callback does not wait for it ends at 1 MiB.
   */
  send(data: string | number | boolean | object | Uint8Array): void | Promise<void> {
    return this.#body.send(data);
  }

  /** Ends the stream. */
  close(): void {
    this.#body.finish("done");
  }

  /** The stream of bytes, for a route to return. */
  get value(): ReadableStream<Data> {
    return this.stream;
  }

  /** Called by Elysia for a route that returns the `Stream` itself. */
  toResponse(): ReadableStream<Data> {
    return this.stream;
  }

  /** The stream continues after the callback, until `close()`. A rejected promise ends it. */
  #call(callback: ((stream: Stream<Data>) => unknown) | undefined): void {
    const returned = callback?.(this);
    if (returned instanceof Promise) returned.catch((error: unknown) => this.#body.finish("error", error));
  }

  #encode(data: unknown): string | Uint8Array {
    if (data === "" || data === undefined) return "";
    const { event, retry } = this;
    if (data instanceof Uint8Array) {
      if (!event && !retry) return data;
      return Buffer.concat([
        Buffer.from(`${event ? `event: ${event}\n` : ""}${retry ? `retry: ${retry}\n` : ""}`),
        data,
      ]);
    }
    if (typeof data === "string" && ENCODED_EVENT.test(data)) return data;
    return this.#writer.write({ sse: true, event, retry, data });
  }
}

/** The body of a response is sent as it stands. */
function bodyOf(source: Streamable | Promise<Streamable>): unknown {
  if (source instanceof Promise) return source.then(bodyOf);
  return source instanceof Response ? source.body : source;
}

/**
 * A stream as Elysia takes it from a route: the mark `sse` makes it `text/event-stream`, and `return()`, which Elysia
 * calls when the client leaves, ends the body also while a read waits.
 */
function forElysia(body: StreamBody): ReadableStream<Uint8Array> {
  const iterator = (): AsyncIterator<Uint8Array, undefined> => ({
    next: async () => {
      const value = await body.read();
      return value === undefined ? { done: true, value } : { done: false, value };
    },
    return: () => {
      body.finish("client");
      return Promise.resolve({ done: true, value: undefined });
    },
  });
  return Object.assign(toReadable(body), { sse: true, [Symbol.asyncIterator]: iterator });
}
