// Events of a stream: the helper that makes them, their types, and their encoding (WHATWG HTML §9.2).
import { encodeFields } from "../protocol/event-stream.ts";
import { escapeLineEnds } from "../protocol/json.ts";

/** Marks events. Elysia's own `sse()` marks its events with the same property, so both are understood. */
const MARK = "sse";

/** One event of a stream, made by `sse()`. Values that are not made by it are the data of an event. */
export interface StreamEvent<Data = unknown, Event extends string | undefined = string | undefined> {
  /** Position that the client sends back as `Last-Event-ID` when it reconnects. No line breaks and no NUL. */
  readonly id?: string | number | undefined;
  /** Name that the client listens to: `source.addEventListener(name, …)`. Absent: "message". No line breaks. */
  readonly event?: Event;
  /** Text is sent as it stands, one `data` line per line. All other values are sent as JSON. Absent: no event is fired. */
  readonly data?: Data;
  /** The time that a client waits before it reconnects, in ms. */
  readonly retry?: number | undefined;
}

declare const made: unique symbol;

/** An event that `sse()` made. */
export type MadeEvent<Data, Event extends string | undefined> = StreamEvent<Data, Event> & {
  /** Exists in the type only. */
  readonly [made]: true;
};

/**
 * Makes an event with an id, a name or a retry time.
 * @throws TypeError if an id or a name contains a line break
 * @example yield sse({ id: step, event: "progress", data: { percent: step * 10 } });
 */
export function sse<Data = undefined, const Event extends string | undefined = undefined>(
  event: StreamEvent<Data, Event>,
): MadeEvent<Data, Event> {
  checkFields(event);
  return { ...event, [MARK]: true } as unknown as MadeEvent<Data, Event>;
}

/** The events that clients receive of a source of `Item`s, as Eden Treaty returns them. */
export type EventOf<Item> =
  Item extends MadeEvent<infer Data, infer Event>
    ? ReceivedEvent<Data, Event>
    : ReceivedEvent<Item, undefined>;

/** An event as Eden Treaty returns it. Eden parses ids that look like numbers. */
export type ReceivedEvent<Data, Event extends string | undefined> = {
  /** Position for `Last-Event-ID`. */
  id?: string | number;
  /** The time that a client waits before it reconnects, in ms. */
  retry?: number;
} & (Event extends string ? { event: Event } : { event?: undefined }) &
  (Data extends undefined ? { data?: undefined } : { data: Data });

/** Writes the values of a source as events, and numbers events without an id if requested. */
export class EventWriter {
  /** @param number the number of the last event that the client has; undefined: events are not numbered */
  constructor(private number: number | undefined) {}

  /** The text of one event. @throws TypeError if it cannot be written */
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
  // A NUL in an id makes clients ignore it.
  // oxlint-disable-next-line no-control-regex -- finding control characters is what it is for
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
