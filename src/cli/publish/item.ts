// One publication as `POST /publish` takes it: text, JSON or bytes, encoded once however often it is sent.
import { dataFromText } from "../../protocol/data.ts";
import { CommandError, EXIT, messageOf } from "../exit-codes.ts";
import { decodeUtf8 } from "../utf8.ts";

export interface PublishItem {
  /** The JSON of it. */
  body: string;
  /** Where it came from, for people: "line 17". */
  source: string;
}

export interface ItemOptions {
  room: string;
  event?: string;
  /** `json`: it must be. `text`: it is text even if it parses as JSON. */
  as: "json" | "text" | "either";
}

/** A text as an item. @throws CommandError when it has to be JSON and is not */
export function textItem(text: string, key: string, source: string, options: ItemOptions): PublishItem {
  return { source, body: encode(dataOf(text, source, options), key, options) };
}

/** A line as an item. @throws CommandError when it is no text: a whole file may be bytes, a line among others is a mistake */
export function lineItem(line: Uint8Array, key: string, source: string, options: ItemOptions): PublishItem {
  const text = decodeUtf8(line);
  if (text === undefined)
    throw new CommandError(
      `${source} is not UTF-8. Convert it, for example with iconv, or publish bytes with --file.`,
    );
  return textItem(text, key, source, options);
}

/** Bytes as an item: those that are text, and are not JSON although they have to be, as text. */
export function bytesItem(bytes: Uint8Array, key: string, source: string, options: ItemOptions): PublishItem {
  const text = decodeUtf8(bytes);
  if (text !== undefined) return textItem(text, key, source, options);
  if (options.as !== "either") throw new CommandError(`${source} is not UTF-8.`, EXIT.usage);
  return {
    source,
    body: `${encode(`"${bytes.toBase64()}"`, key, options).slice(0, -1)},"encoding":"base64"}`,
  };
}

/** The JSON of the data. A text is JSON when it parses, as it is for a POST to a room. */
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
