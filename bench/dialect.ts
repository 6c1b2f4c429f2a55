// How the clients of one server speak, as data: the generator knows no server by name.

export type Transport = "websocket" | "event-stream" | "http";

/** One exchange after the connection was answered and before messages may come. */
export interface Step {
  /** Sent first, as a frame. */
  send?: string;
  /** Then waited for: a part of a frame from the server. */
  expect?: string;
}

/**
 * In every text, `{room}` stands for the room's name. In `publish`, `{message}` stands for the message (a JSON
 * object), `{escaped}` for the same inside a JSON string, and `{length}` for the message's bytes.
 */
export interface Dialect {
  transport: Transport;
  /** The port on 127.0.0.1, where it is not the server's own: that of a helper beside it. */
  port?: number;
  /** The path of the request, with its query. */
  path: string;
  /** Of the request; `http` only. POST unless said. */
  method?: string;
  headers?: Record<string, string>;
  steps?: Step[];
  /** Frames of the server that want an answer: the whole frame, and what is sent back. */
  answers?: Record<string, string>;
  /** One publication: a frame on a WebSocket, a body over HTTP. Without it, the client only listens. */
  publish?: string;
  /** Several publications in one body: `before`, then `of` times `publish` with `between`, then `after`. */
  batch?: { of: number; before: string; between: string; after: string };
  /** Frames are sent as binary ones. */
  binary?: true;
  /** A frame, or an event's data, is the message and nothing else, to the byte. */
  verbatim?: true;
  /** Who publishes on such a connection receives their own messages too. */
  echo?: true;
  /** A part of the frame or event that says that messages are missing. */
  gap?: string;
  /** Requests that may wait for their answers at once on one connection, over HTTP; 1 unless said. */
  pipeline?: number;
  /** How to come back: the text before the cursor in what arrived, and the path with `{cursor}`. */
  resume?: { before: string; path: string };
  /** What is sent to who comes back are not the messages, but frames of the same number and size. */
  replays?: true;
}
