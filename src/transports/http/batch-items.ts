// The items of a batch. They are counted and charged before they are parsed and validated.
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import type { RequestContext } from "../../auth/principal.ts";
import type { RoomService } from "../../service/room-service.ts";
import { fieldErrors } from "../../protocol/field-errors.ts";
import { ThumpError } from "../../protocol/codes.ts";
import { type Content, MAX_EXPLAINED } from "../../protocol/content.ts";
import { countValues, findFields, type Span } from "../../protocol/json-fields.ts";
import { contentOf, MAX_VALUES, parseEnvelope } from "../../protocol/parse-envelope.ts";
import { parsing } from "./read-body.ts";

/** One element of a batch: a publication to one room or to several. */
export const BatchItem = Type.Object({
  room: Type.Optional(Type.String()),
  rooms: Type.Optional(Type.Array(Type.String())),
  event: Type.Optional(Type.String()),
  data: Type.Optional(Type.Unknown()),
  encoding: Type.Optional(Type.Literal("base64")),
  key: Type.Optional(Type.String()),
});
type BatchItem = Static<typeof BatchItem>;
const checker = Compile(BatchItem);
/** Maximum length of a room name in JSON characters, including escapes. */
const MAX_NAME_LENGTH = 2048;

/** An unparsed item with its size. */
export interface CountedItem {
  text: string;
  /** The room, if the item has one and its name is readable. */
  room: string | undefined;
  /** Number of publications. */
  count: number;
  /** Size of the data as sent, in bytes. */
  size: number;
  /** Number of publications that were charged. */
  charged: number;
  /** The error for the publications that could not be charged, if any. */
  chargeError?: ThumpError;
}

/** A validated item. */
export interface ParsedItem {
  rooms: string[];
  event: string | undefined;
  key: string | undefined;
  content: Content;
}

/**
 * Counts the publications of an item and measures its data.
 * @param most counting stops soon after exceeding this number
 * @throws ThumpError `malformed` if the item is nested too deeply
 */
export function countItem(text: string, most: number): CountedItem {
  const { spans } = findFields(text, ["data", "rooms", "room"]);
  const [data, rooms, room] = spans;
  const size = data ? Buffer.byteLength(text.slice(data.start, data.end)) : 0;
  const quotes = data && text[data.start] === '"' ? 2 : 0;
  return {
    text,
    room: rooms || !room ? undefined : nameIn(text, room),
    // `countValues` also counts the array itself.
    count: rooms ? Math.max(1, countValues(text, rooms, most + 1) - 1) : 1,
    size: size - quotes,
    charged: 0,
  };
}

/** A room name in the text. Invalid names are reported later, when the item is parsed. */
function nameIn(text: string, { start, end }: Span): string | undefined {
  if (end - start > MAX_NAME_LENGTH || text[start] !== '"') return undefined;
  try {
    return JSON.parse(text.slice(start, end)) as string;
  } catch {
    return undefined;
  }
}

/** Charges as many of an item's publications as the rate limits allow. */
export function chargeItem(service: RoomService, context: RequestContext, item: CountedItem): void {
  try {
    for (; item.charged < item.count; item.charged++) service.takeRate(context, "publishes", 1, item.size);
  } catch (error) {
    if (!(error instanceof ThumpError)) throw error;
    item.chargeError = error;
  }
}

/**
 * Parses and validates an item. Returns the error if the item is invalid.
 * @param brief whether errors omit details
 * @throws ThumpError `malformed` if the body is not JSON, which rejects the whole batch
 */
export function parseItem(
  { text, count }: CountedItem,
  maxMessage: number,
  brief: boolean,
): ParsedItem | ThumpError {
  const envelope = parsing(() => parseEnvelope(text, MAX_VALUES + count));
  const { value } = envelope;
  if (!checker.Check(value)) {
    if (brief || count > MAX_EXPLAINED) return new ThumpError("invalid", "The item is invalid.");
    const errors = fieldErrors(checker.Errors(value));
    return new ThumpError(
      "invalid",
      `The item is invalid: ${errors[0]?.path} ${errors[0]?.message}.`,
      errors,
    );
  }
  const { event, key, room } = value;
  const rooms = value.rooms ?? (room === undefined ? [] : [room]);
  if (rooms.length === 0)
    return new ThumpError("invalid", "The item has no room.", [{ path: "/room", message: "is required" }]);
  if (new Set(rooms).size < rooms.length)
    return new ThumpError("invalid", "The item lists a room twice.", [
      { path: "/rooms", message: "must not name a room twice" },
    ]);
  const content = contentOf(value, text, envelope);
  const error = dataError(content, maxMessage);
  return error ?? { rooms, event, key, content };
}

/** The error if the data is invalid, otherwise undefined. @throws ThumpError `malformed` */
function dataError(content: Content, maxMessage: number): ThumpError | undefined {
  try {
    content.data(maxMessage);
    return undefined;
  } catch (error) {
    if (!(error instanceof ThumpError) || error.code === "malformed") throw error;
    return error;
  }
}
