// How the clients of a server talk to it, as data. The generator contains no code for a specific server.

export type Transport = "websocket" | "event-stream" | "http";

/** One exchange after the handshake and before messages are expected. */
export interface Step {
  /** The frame to send first. */
  send?: string;
  /** Part of a frame from the server to wait for next. */
  expect?: string;
}

/**
 * In every text, `{room}` is replaced by the room's name. In `publish`, `{message}` is replaced by the message (a JSON
 * object), `{escaped}` by the message inside a JSON string, and `{length}` by the size of the message in bytes.
 */
export interface Dialect {
  transport: Transport;
  /** The port of a helper process on 127.0.0.1, if clients connect to one instead of the server. */
  port?: number;
  /** The request path with its query. */
  path: string;
  /** The request method, for `http` only. Default: POST. */
  method?: string;
  headers?: Record<string, string>;
  steps?: Step[];
  /** Server frames that require a response: the whole frame, and the frame to send back. */
  answers?: Record<string, string>;
  /** One publish: a frame on a WebSocket, a body over HTTP. Without it, the client only subscribes. */
  publish?: string;
  /** Several publishes in one body: `before`, then `of` times `publish` joined by `between`, then `after`. */
  batch?: { of: number; before: string; between: string; after: string };
  /** Frames are sent as binary frames. */
  binary?: true;
  /** Each frame, or each event's data, is exactly the message, byte for byte. */
  verbatim?: true;
  /** Publishers also receive their own messages. */
  echo?: true;
  /** Part of a frame or event that announces missing messages. */
  gap?: string;
  /** Maximum number of HTTP requests in flight on one connection. Default: 1. */
  pipeline?: number;
  /** How to resume: the text before the cursor in received data, and the path with `{cursor}`. */
  resume?: { before: string; path: string };
  /** A resuming client receives placeholder frames, equal in number and size to the missed messages. */
  replays?: true;
}
