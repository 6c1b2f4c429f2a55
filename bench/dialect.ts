// Describes as data how clients talk to a server, so that the generator contains no server-specific code.

export type Transport = "websocket" | "event-stream" | "http";

/** One step of the exchange between the handshake and the first message. */
export interface Step {
  /** The frame to send first. */
  send?: string;
  /** Text in the server frame that the client then waits for. */
  expect?: string;
}

/**
 * In every text, `{room}` is replaced by the room's name. In `publish`, `{message}` is replaced by the message (a JSON
 * object), `{escaped}` by the message inside a JSON string, and `{length}` by the size of the message in bytes.
 */
export interface Dialect {
  transport: Transport;
  /** The port of a helper process on 127.0.0.1, if clients connect to it instead of to the server. */
  port?: number;
  /** The request path with its query. */
  path: string;
  /** The request method, for `http` only. Default: POST. */
  method?: string;
  headers?: Record<string, string>;
  steps?: Step[];
  /** Maps each server frame that requires a reply to the frame to send back. */
  answers?: Record<string, string>;
  /** A publish, as a WebSocket frame or an HTTP body. If unset, the client only subscribes. */
  publish?: string;
  /** Several publishes in one body: `before`, then `of` publishes joined by `between`, then `after`. */
  batch?: { of: number; before: string; between: string; after: string };
  /** If true, publishes are sent as binary frames. */
  binary?: true;
  /** If true, each frame or each event's data is exactly the message, byte for byte. */
  verbatim?: true;
  /** If true, publishers also receive their own messages. */
  echo?: true;
  /** Text that marks a frame or event as a gap notice. */
  gap?: string;
  /** Maximum number of HTTP requests in flight on one connection. Default: 1. */
  pipeline?: number;
  /** How to resume: the text that precedes the cursor in received data, and the path to request, with `{cursor}`. */
  resume?: { before: string; path: string };
  /** If true, a resuming client receives placeholder frames, equal in number and size to the missed messages. */
  replays?: true;
}
