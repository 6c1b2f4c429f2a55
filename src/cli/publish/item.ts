// One item of `POST /publish`: text, JSON or bytes. An item is encoded only once, even if it is sent several times.
import { dataFromText } from "../../protocol/data.ts";
import { CommandError, EXIT, messageOf } from "../exit-codes.ts";
import { decodeUtf8 } from "../utf8.ts";

export interface PublishItem {
  /** The item as JSON. */
  body: string;
  /** Name of the source, for messages, such as "line 17". */
  source: string;
}

export interface ItemOptions {
  room: string;
  event?: string;
  /** `json`: the data must be JSON. `text`: the data stays text even if it parses as JSON. */
  as: "json" | "text" | "either";
}

/** Creates an item from text. @throws CommandError if JSON is required and the text is not JSON */
export function textItem(text: string, key: string, source: string, options: ItemOptions): PublishItem {
  return { source, body: encode(dataOf(text, source, options), key, options) };
}

/**
 * Creates an item from a line.
 * @throws CommandError if the line is not UTF-8. A whole file may be binary, but a binary line is a mistake
 */
export function lineItem(line: Uint8Array, key: string, source: string, options: ItemOptions): PublishItem {
  const text = decodeUtf8(line);
  if (text === undefined)
    throw new CommandError(
      `${source} is not UTF-8. Convert it, for example with iconv, or publish bytes with --file.`,
    );
  return textItem(text, key, source, options);
}

/**
 * Creates an item from bytes; UTF-8 is published as text.
 * @throws CommandError if JSON or text is required and the bytes are neither
 */
export function bytesItem(bytes: Uint8Array, key: string, source: string, options: ItemOptions): PublishItem {
  const text = decodeUtf8(bytes);
  if (text !== undefined) return textItem(text, key, source, options);
  if (options.as !== "either") throw new CommandError(`${source} is not UTF-8.`, EXIT.usage);
  return {
    source,
    body: `${encode(`"${bytes.toBase64()}"`, key, options).slice(0, -1)},"encoding":"base64"}`,
  };
}

/** The data as JSON. As in a POST to a room, text that parses as JSON is published as JSON. */
function dataOf(text: string, source: string, { as }: ItemOptions): string {
  if (as === "text") return JSON.stringify(text);
  try {
    if (as === "either") return dataFromText(text).data.kind === "json" ? text : JSON.stringify(text);
    JSON.parse(text);
    return text;
  } catch (error) {
    throw new CommandError(`${source} is not JSON: ${messageOf(error)}`);
  }
}

function encode(data: string, key: string, { room, event }: ItemOptions): string {
  const name = event === undefined ? "" : `"event":${JSON.stringify(event)},`;
  return `{"room":${JSON.stringify(room)},${name}"key":${JSON.stringify(key)},"data":${data}}`;
}
