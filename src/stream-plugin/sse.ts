// Stream events: the helper that creates them, their types, and their encoding (WHATWG HTML §9.2).
import { encodeFields } from "../protocol/event-stream.ts";
import { escapeLineEnds } from "../protocol/json.ts";

/** The property that marks events. Elysia's own `sse()` uses the same property, so its events are recognized too. */
const MARK = "sse";

/** An event created by `sse()`. Any other value of a source becomes the data of an event. */
export interface StreamEvent<Data = unknown, Event extends string | undefined = string | undefined> {
  /** Position that the client sends back as `Last-Event-ID` when it reconnects. Must not contain line breaks or NUL. */
  readonly id?: string | number | undefined;
  /**
   * Event name that clients listen for: `source.addEventListener(name, …)`. Default: "message". Must not contain line
   * breaks.
   */
  readonly event?: Event;
  /**
   * Text is sent unchanged, as one `data` field per line of text. All other values are sent as JSON. Without data,
   * clients fire no event.
   */
  readonly data?: Data;
  /** Time in ms that the client waits before it reconnects. */
  readonly retry?: number | undefined;
}

declare const made: unique symbol;

/** An event created by `sse()`, with its types. */
export type MadeEvent<Data, Event extends string | undefined> = StreamEvent<Data, Event> & {
  /** This property exists only in the type. */
  readonly [made]: true;
};

/**
 * Creates an event with an id, a name or a retry time.
 * @throws TypeError if an id or a name contains a line break
 * @example yield sse({ id: step, event: "progress", data: { percent: step * 10 } });
 */
export function sse<Data = undefined, const Event extends string | undefined = undefined>(
  event: StreamEvent<Data, Event>,
): MadeEvent<Data, Event> {
  checkFields(event);
  return { ...event, [MARK]: true } as unknown as MadeEvent<Data, Event>;
}

/** The events that clients receive from a source of `Item`s, as Eden Treaty returns them. */
export type EventOf<Item> =
  Item extends MadeEvent<infer Data, infer Event>
    ? ReceivedEvent<Data, Event>
    : ReceivedEvent<Item, undefined>;

/** An event as Eden Treaty returns it. Eden parses ids that look like numbers. */
export type ReceivedEvent<Data, Event extends string | undefined> = {
  /** Position for `Last-Event-ID`. */
  id?: string | number;
  /** Time in ms that the client waits before it reconnects. */
  retry?: number;
} & (Event extends string ? { event: Event } : { event?: undefined }) &
  (Data extends undefined ? { data?: undefined } : { data: Data });

/** Encodes the values of a source as events, and numbers events without an id if requested. */
export class EventWriter {
  /** @param number the number of the last event that the client received; undefined if events are not numbered */
  constructor(private number: number | undefined) {}

  /** Returns the text of one event. @throws TypeError if the item cannot be encoded */
  write(item: unknown): string {
    const event = isEvent(item) ? item : { data: item };
    checkFields(event);
    const { event: name, data, retry } = event;
    let { id } = event;
    if (this.number !== undefined && data !== undefined) {
      if (id === undefined) id = ++this.number;
      else if (Number.isSafeInteger(Number(id))) this.number = Number(id);
    }
    return encodeFields({
      id: id === undefined ? undefined : String(id),
      event: name,
      retry,
      data: dataText(data),
    });
  }
}

function isEvent(item: unknown): item is StreamEvent {
  return typeof item === "object" && item !== null && (item as Record<string, unknown>)[MARK] === true;
}

function checkFields({ id, event, retry }: StreamEvent): void {
  // Clients ignore an id that contains NUL.
  // oxlint-disable-next-line no-control-regex -- the pattern matches control characters
  if (typeof id === "string" && /[\r\n\u0000]/.test(id))
    throw new TypeError("The id of an event must not contain a line break or NUL.");
  if (event !== undefined && /[\r\n]/.test(event))
    throw new TypeError("The name of an event must not contain a line break.");
  if (retry !== undefined && (!Number.isSafeInteger(retry) || retry < 0))
    throw new TypeError("retry must be a whole number of milliseconds.");
}

const decoder = new TextDecoder();

function dataText(data: unknown): string | undefined {
  if (data === undefined) return undefined;
  if (typeof data === "string") return data;
  if (typeof data === "bigint") return String(data);
  if (data instanceof Uint8Array) return decoder.decode(data);
  const text = JSON.stringify(data) as string | undefined;
  if (text === undefined) throw new TypeError("The data of an event cannot be a function or a symbol.");
  return escapeLineEnds(text);
}
