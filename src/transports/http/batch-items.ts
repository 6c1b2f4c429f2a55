// The items of a batch: counted and paid for before they are parsed, then parsed and checked.
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

/** What a batch is made of. */
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
/** In characters of JSON, with escapes. */
const MAX_NAME_LENGTH = 2048;

/** An item as it came, of which only the size is known. */
export interface CountedItem {
  text: string;
  /** The room, where that is one and can be told. */
  room: string | undefined;
  /** How many publications it asks for. */
  count: number;
  /** The bytes of its data, as it was sent. */
  size: number;
  /** How many of them were paid for, and why not all of them. */
  charged: number;
  chargeError?: ThumpError;
}

/** What an item asks for. */
export interface ParsedItem {
  rooms: string[];
  event: string | undefined;
  key: string | undefined;
  content: Content;
}

/**
 * Counts what an item asks for.
 * @param most it stops a little beyond
 * @throws ThumpError `malformed` when it is nested too deep
 */
export function countItem(text: string, most: number): CountedItem {
  const { spans } = findFields(text, ["data", "rooms", "room"]);
  const [data, rooms, room] = spans;
  const size = data ? Buffer.byteLength(text.slice(data.start, data.end)) : 0;
  const quotes = data && text[data.start] === '"' ? 2 : 0;
  return {
    text,
    room: rooms || !room ? undefined : nameIn(text, room),
    // An array of n names is one value more.
    count: rooms ? Math.max(1, countValues(text, rooms, most + 1) - 1) : 1,
    size: size - quotes,
    charged: 0,
  };
}

/** Names are short; what is longer, or is none, is told when the item is parsed. */
function nameIn(text: string, { start, end }: Span): string | undefined {
  if (end - start > MAX_NAME_LENGTH || text[start] !== '"') return undefined;
  try {
    return JSON.parse(text.slice(start, end)) as string;
  } catch {
    return undefined;
  }
}

/** Takes the rates of all publications that an item asks for, or of as many as there are. */
export function chargeItem(service: RoomService, context: RequestContext, item: CountedItem): void {
  try {
    for (; item.charged < item.count; item.charged++) service.takeRate(context, "publishes", 1, item.size);
  } catch (error) {
    if (!(error instanceof ThumpError)) throw error;
    item.chargeError = error;
  }
}

/**
 * Parses an item that was paid for. One that does not fit is returned as its error.
 * @param brief without details
 * @throws ThumpError `malformed`: then the whole body is not JSON
 */
export function parse(
  { text, count: wanted }: CountedItem,
  maxMessage: number,
  brief: boolean,
): ParsedItem | ThumpError {
  const envelope = parsing(() => parseEnvelope(text, MAX_VALUES + wanted));
  const { value } = envelope;
  if (!checker.Check(value)) {
    if (brief || wanted > MAX_EXPLAINED) return new ThumpError("invalid", "The item does not fit.");
    const errors = fieldErrors(checker.Errors(value));
    return new ThumpError(
      "invalid",
      `The item does not fit: ${errors[0]?.path} ${errors[0]?.message}.`,
      errors,
    );
  }
  const { event, key, room } = value;
  const rooms = value.rooms ?? (room === undefined ? [] : [room]);
  if (rooms.length === 0)
    return new ThumpError("invalid", "The item names no room.", [{ path: "/room", message: "is required" }]);
  if (new Set(rooms).size < rooms.length)
    return new ThumpError("invalid", "The item names a room twice.", [
      { path: "/rooms", message: "must not name a room twice" },
    ]);
  const content = contentOf(value, text, envelope);
  const error = unreadable(content, maxMessage);
  return error ?? { rooms, event, key, content };
}

/** What is wrong with the data itself. @throws ThumpError `malformed` */
function unreadable(content: Content, maxMessage: number): ThumpError | undefined {
  try {
    content.data(maxMessage);
    return undefined;
  } catch (error) {
    if (!(error instanceof ThumpError) || error.code === "malformed") throw error;
    return error;
  }
}
