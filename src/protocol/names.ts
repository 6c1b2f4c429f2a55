// What rooms, events and idempotency keys may be called.
import { ThumpError } from "./codes.ts";

const MAX_NAME_BYTES = 255;
/** Names of events and rooms that begin so are the server's own. */
export const RESERVED = "thump:";

/** Whether a room is the server's own: nobody else publishes there. */
export function isReserved(room: string): boolean {
  return room.startsWith(RESERVED);
}

// C0 and C1 controls, and the two line separators that JSON and event streams disagree about.
// oxlint-disable-next-line no-control-regex -- finding control characters is what it is for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const encoder = new TextEncoder();

function fault(name: string): string | undefined {
  if (name === "") return "is empty";
  if (CONTROL.test(name)) return "has control characters";
  if (!name.isWellFormed()) return "is not valid Unicode";
  // A UTF-16 unit is at most 3 bytes of UTF-8: only long names need counting.
  if (name.length * 3 > MAX_NAME_BYTES && encoder.encode(name).length > MAX_NAME_BYTES)
    return `is over ${MAX_NAME_BYTES} bytes`;
  return undefined;
}

/** The parts of a path that URLs and proxies resolve (RFC 3986 §5.2.4), and what stands for bytes that were no UTF-8. */
const UNSAFE = /\.|\ufffd/;
const DOT_SEGMENT = /(?:^|[/\\])\.{1,2}(?:$|[/\\])/;

/** What is wrong with the name of a room or a user, or nothing. Such names stand in paths. */
export function nameFault(name: string): string | undefined {
  const wrong = fault(name);
  if (wrong !== undefined || !UNSAFE.test(name)) return wrong;
  if (DOT_SEGMENT.test(name)) return 'is "." or "..", or has a part between slashes that is';
  return name.includes("\ufffd") ? "has U+FFFD, which stands for text that was not UTF-8" : undefined;
}

/** Returns the room's name, or throws `invalid-room`. */
export function checkRoomName(name: string): string {
  const wrong = nameFault(name);
  if (wrong) {
    throw new ThumpError(
      "invalid-room",
      `The room's name ${wrong}. Use 1 to ${MAX_NAME_BYTES} bytes of text.`,
    );
  }
  return name;
}

/** Returns the event's name, or throws `invalid-event`. */
export function checkEventName(name: string): string {
  const wrong = name.startsWith(RESERVED)
    ? `begins with "${RESERVED}", which is the server's own`
    : fault(name);
  if (wrong) {
    throw new ThumpError(
      "invalid-event",
      `The event's name ${wrong}. Use 1 to ${MAX_NAME_BYTES} bytes of text.`,
    );
  }
  return name;
}

/** Returns the idempotency key, or throws `invalid`. */
export function checkKey(key: string): string {
  const wrong = fault(key);
  if (wrong) {
    throw new ThumpError(
      "invalid",
      `The idempotency key ${wrong}. Use 1 to ${MAX_NAME_BYTES} bytes, e.g. a UUID.`,
      [{ path: "/key", message: wrong }],
    );
  }
  return key;
}
