// What the harness of worst requests knows of one: which route or command it goes to, and what is sent.

/** What the server's process says of itself since it was last asked. */
export interface Probed {
  /** CPU milliseconds, user and system. */
  cpu: number;
  /** The longest that a timer waited for a tick to end, in ms. */
  longest: number;
  rss: number;
}

/** What is in place before the first request: cursors and credentials. */
export interface Place {
  port: number;
  /** A cursor from before everything. */
  before: string;
  /** Rooms with 200 small messages each. */
  rooms: string[];
  /** A token with one grant: to do everything in the room "mine". */
  token: string;
}

export interface Worst {
  /** "POST /publish", or "/ws publish" for a command, or "raw" for a frame of a raw socket. */
  target: string;
  /** What makes it the worst. */
  title: string;
  /** Who sends it. */
  by: "anyone" | "a token with one grant";
  /** Bytes of a whole HTTP request, or of a frame that is sent on a socket at `path`. */
  request: (place: Place) => HttpRequest | Frame;
}

export interface HttpRequest {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

export interface Frame {
  /** The socket that it is sent on. */
  path: string;
  headers?: Record<string, string>;
  frame: string | Uint8Array;
  /** How often it is sent, in one write; once unless said. */
  times?: number;
}
