// The stable names of what can go wrong, and the numbers that HTTP and WebSocket give them.

/** Error codes and the HTTP status of each. A code never changes its meaning; messages may. */
export const STATUS = {
  malformed: 400, // not JSON, not UTF-8, not a known shape at all
  "unknown-type": 400, // a command whose `type` the server does not know
  "invalid-room": 400, // a room's name that is none (empty, too long, "..", control characters), or a path that hides one
  "invalid-event": 400, // an event name that is, or that is the server's own (`thump:…`)
  "invalid-cursor": 400, // a cursor that no Thump server ever made
  "invalid-query": 400, // a query parameter of the wrong form
  unauthorized: 401, // no token where one is needed, or one that is not good
  revoked: 401, // a token that was good and was taken back
  forbidden: 403, // the room's rule says no, or the token does not grant it
  origin: 403, // a page of another origin
  "not-found": 404,
  "not-joined": 409,
  "already-joined": 409,
  timeout: 408, // a body that takes too long to come
  "too-large": 413, // data, frame or body over its limit
  "unsupported-type": 415, // a body of the wrong content type
  invalid: 422, // well-formed, but a field does not fit its schema
  "key-reused": 422, // an idempotency key that was used with a different event or different data
  limit: 429, // more rooms, or more items, than one session or request may have
  rate: 429, // too fast; try again after `retry`
  "no-secret": 501, // tokens are not configured on this server
  internal: 500,
  busy: 503, // no place for one more session or room; try again after `retry`
  draining: 503, // the server is about to stop
  unavailable: 503, // something that the server needs for this cannot be reached just now
} as const;

export type Code = keyof typeof STATUS;

/** Close codes of our sockets (RFC 6455 §7.4.2 leaves 4000–4999 to applications). */
export const CLOSE = {
  internal: 1011, // a fault of the server's
  unavailable: 1013, // what it needs cannot be reached just now: "try again later" in the registry of RFC 6455
  goingAway: 1001, // draining; the reason is a suggested reconnect delay in ms
  badFrames: 4400,
  unauthorized: 4401,
  removed: 4403,
  idle: 4408,
  tooLarge: 4413,
  rate: 4429,
  slow: 4503,
} as const;

/** One field that does not fit: `path` is a JSON Pointer (RFC 6901) into the data, "" for all of it. */
export interface FieldError {
  path: string;
  message: string;
}

/** An error that a client may see: a stable code, what was wrong and what to do about it. */
export class ThumpError extends Error {
  override readonly name = "ThumpError";

  constructor(
    readonly code: Code,
    message: string,
    readonly errors?: FieldError[],
    /** After how long, in ms, to try again. */
    readonly retry?: number,
  ) {
    super(message);
  }

  /** The HTTP status that goes with the code. */
  get status(): number {
    return STATUS[this.code];
  }
}

/** Something that the server needs cannot be reached just now. @param retry after how long, in ms, to try again */
export function unavailable(message: string, retry = 1000): ThumpError {
  return new ThumpError("unavailable", message, undefined, retry);
}
