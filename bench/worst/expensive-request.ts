// The description of one expensive request: its route or command, and the bytes to send.

/** The server process's CPU time and longest delay since the previous report. */
export interface Probed {
  /** CPU milliseconds, user and system. */
  cpu: number;
  /** The longest delay of the probe's timer, in ms. */
  longest: number;
  rss: number;
}

/** Cursors, rooms and credentials that the requests use. */
export interface RequestFixture {
  port: number;
  /** A cursor older than every message. */
  before: string;
  /** Rooms with 200 small messages each. */
  rooms: string[];
  /** A token with one grant, which permits every action in rooms that match "mine*". */
  token: string;
}

export interface ExpensiveRequest {
  /** "POST /publish", or "/ws publish" for a command, or "raw" for a frame on a raw socket. */
  target: string;
  /** The reason why the request is expensive: "500,000 invalid items". */
  title: string;
  /** The clients that can send the request. */
  by: "anyone" | "a token with one grant";
  /** Returns an HTTP request, or a frame to send on a socket at `path`. */
  request: (fixture: RequestFixture) => HttpRequest | Frame;
}

export interface HttpRequest {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

export interface Frame {
  /** The path of the socket. */
  path: string;
  headers?: Record<string, string>;
  frame: string | Uint8Array;
  /** Number of copies, sent in one write. Default: 1. */
  times?: number;
}
