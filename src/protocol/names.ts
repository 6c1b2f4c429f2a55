// Rules for the names of rooms and events, and for idempotency keys.
import { ThumpError } from "./codes.ts";

const MAX_NAME_BYTES = 255;
/** The prefix of event and room names that are reserved for the server. */
export const RESERVED = "thump:";

/** Returns true if a room is reserved: only the server may publish there. */
export function isReserved(room: string): boolean {
  return room.startsWith(RESERVED);
}

// C0 and C1 controls, and the two line separators that JSON and event streams interpret differently.
// oxlint-disable-next-line no-control-regex -- matches control characters deliberately
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const encoder = new TextEncoder();

function fault(name: string): string | undefined {
  if (name === "") return "is empty";
  if (CONTROL.test(name)) return "contains control characters";
  if (!name.isWellFormed()) return "is not valid Unicode";
  // A UTF-16 unit is at most 3 bytes of UTF-8, so only long names need counting.
  if (name.length * 3 > MAX_NAME_BYTES && encoder.encode(name).length > MAX_NAME_BYTES)
    return `is longer than ${MAX_NAME_BYTES} bytes`;
  return undefined;
}

/**
 * Matches dots and the replacement character for invalid UTF-8. URLs and proxies resolve dot segments (RFC 3986
 * §5.2.4).
 */
const UNSAFE = /\.|\ufffd/;
const DOT_SEGMENT = /(?:^|[/\\])\.{1,2}(?:$|[/\\])/;

/** Returns the reason why a room or user name is invalid; undefined if it is valid. These names occur in URL paths. */
export function nameFault(name: string): string | undefined {
  const wrong = fault(name);
  if (wrong !== undefined || !UNSAFE.test(name)) return wrong;
  if (DOT_SEGMENT.test(name)) return 'is "." or "..", or contains one of them as a path segment';
  return name.includes("\ufffd") ? "contains U+FFFD, which replaces invalid UTF-8" : undefined;
}

/**
 * Validates a room name and returns it.
 * @throws ThumpError `invalid-room`
 */
export function checkRoomName(name: string): string {
  const wrong = nameFault(name);
  if (wrong) {
    throw new ThumpError("invalid-room", `The room name ${wrong}. Use 1 to ${MAX_NAME_BYTES} bytes of text.`);
  }
  return name;
}

/**
 * Validates an event name and returns it.
 * @throws ThumpError `invalid-event`
 */
export function checkEventName(name: string): string {
  const wrong = name.startsWith(RESERVED)
    ? `begins with "${RESERVED}", which is reserved for the server`
    : fault(name);
  if (wrong) {
    throw new ThumpError(
      "invalid-event",
      `The event name ${wrong}. Use 1 to ${MAX_NAME_BYTES} bytes of text.`,
    );
  }
  return name;
}

/**
 * Validates an idempotency key and returns it.
 * @throws ThumpError `invalid`
 */
export function checkKey(key: string): string {
  const wrong = fault(key);
  if (wrong) {
    throw new ThumpError(
      "invalid",
      `The idempotency key ${wrong}. Use 1 to ${MAX_NAME_BYTES} bytes, such as a UUID.`,
      [{ path: "/key", message: wrong }],
    );
  }
  return key;
}
