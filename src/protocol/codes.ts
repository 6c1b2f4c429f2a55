// Stable error codes with their HTTP statuses, and WebSocket close codes.

/** Error codes and their HTTP statuses. The meaning of a code never changes. Messages may change. */
export const STATUS = {
  malformed: 400, // not JSON, not UTF-8, or of an unknown shape
  "unknown-type": 400, // a command whose `type` the server does not know
  "invalid-room": 400, // an invalid room name (empty, too long, "..", control characters), or an ambiguous path
  "invalid-event": 400, // an invalid event name, or one reserved for the server (`thump:…`)
  "invalid-cursor": 400, // not a valid Thump cursor
  "invalid-query": 400, // a malformed query parameter
  unauthorized: 401, // a required token is missing or invalid
  revoked: 401, // a valid token that was revoked
  forbidden: 403, // the room's rule or the token does not allow the action
  origin: 403, // the page's origin is not allowed
  "not-found": 404,
  "not-joined": 409,
  "already-joined": 409,
  timeout: 408, // the body arrived too slowly
  "too-large": 413, // the data, frame or body exceeds its limit
  "unsupported-type": 415, // the body's content type is not supported
  invalid: 422, // well-formed, but a field violates its schema
  "key-reused": 422, // the idempotency key was used with a different event or different data
  limit: 429, // more rooms than a session may have, or more items than a request may have
  rate: 429, // too many requests; retry after `retry`
  "no-secret": 501, // tokens are not configured on this server
  internal: 500,
  busy: 503, // the server cannot accept another session or room; retry after `retry`
  draining: 503, // the server is shutting down
  unavailable: 503, // a dependency of the server is unreachable
} as const;

/** An error code. */
export type Code = keyof typeof STATUS;

/** WebSocket close codes (RFC 6455 §7.4.2 reserves 4000–4999 for applications). */
export const CLOSE = {
  internal: 1011, // a server error
  unavailable: 1013, // a dependency of the server is unreachable ("try again later" in the RFC 6455 registry)
  goingAway: 1001, // draining; the reason is a suggested reconnect delay in ms
  badFrames: 4400,
  unauthorized: 4401,
  removed: 4403,
  idle: 4408,
  tooLarge: 4413,
  rate: 4429,
  slow: 4503,
} as const;

/** An invalid field of a publication or command. */
export interface FieldError {
  /** JSON Pointer (RFC 6901) into the data; "" for the whole value. */
  path: string;
  /** A description of the fault, such as "must be string". */
  message: string;
}

/** An error that is sent to clients: a stable code, and a message that states the fault and the remedy. */
export class ThumpError extends Error {
  /** Always "ThumpError". */
  override readonly name = "ThumpError";

  constructor(
    /** A stable code, one of the keys of `STATUS`. */
    readonly code: Code,
    message: string,
    /** The invalid fields, if the error concerns individual fields. */
    readonly errors?: FieldError[],
    /** The delay before a retry, in ms. */
    readonly retry?: number,
  ) {
    super(message);
  }

  /** The HTTP status for the code. */
  get status(): number {
    return STATUS[this.code];
  }
}

/**
 * Returns the error for an unreachable server dependency.
 * @param retry the delay before a retry, in ms
 */
export function unavailable(message: string, retry = 1000): ThumpError {
  return new ThumpError("unavailable", message, undefined, retry);
}
