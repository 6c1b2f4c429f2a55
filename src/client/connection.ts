// A connection to the server, over either transport: tracks replies and timers, and dispatches received frames.
import type { Gap } from "./public-types.ts";
import { type CloseReason, closeReasonOf } from "./close-reason.ts";
import { type ThumpError, type ErrorFrame, toError, errorFromFrame } from "./client-errors.ts";
import type { OutboxEntry, Outbox } from "./outbox.ts";
import type { PresenceFrame } from "./room-members.ts";
import type { Envelope, RoomHandle } from "./room-handle.ts";
import { parsePosition } from "./cursor-tracker.ts";

/** The part of the WebSocket interface that the client uses. */
export interface SocketLike {
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: (() => void) | null;
  send(data: string): void;
  close(code?: number): void;
  /** Closes without a handshake. Not available in browsers. */
  terminate?(): void;
}

/** A WebSocket constructor. Its return type is `object`, because libraries type event handlers differently. */
export type SocketConstructor = new (url: string, protocols?: string[]) => object;
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Options that both transports use. */
export interface TransportOptions {
  /**
   * The `credentials` option of `fetch` (Fetch standard): whether requests to other origins include cookies. Default:
   * `fetch`'s own default.
   */
  credentials?: "include" | "omit" | "same-origin";
  /**
   * The WebSocket implementation. Default: the global `WebSocket`. Node has no global `WebSocket` before version 22:
   * pass the class from `ws`.
   */
  WebSocket?: SocketConstructor;
  /** The `fetch` implementation. Default: the global `fetch`. */
  fetch?: Fetch;
}

/** The parts of the client that connections use. */
export interface ConnectionContext {
  /** The server's URL, without a trailing slash. */
  readonly base: string;
  readonly handles: ReadonlyMap<string, RoomHandle>;
  readonly outbox: Outbox;
  readonly options: TransportOptions;
  readonly fetch: Fetch;
  /** Maximum time in ms for a connection to open, and for a request to be answered. */
  readonly timeout: number;
  /** Interval in ms at which the server sends pings or keep-alives, as announced in its welcome frame. */
  heartbeat: number;
  /** True if `token()` may return a new token. */
  readonly renewable: boolean;
  token(): Promise<string | undefined>;
  /** Called when a connection receives its first welcome. */
  opened(connection: Connection): void;
  /** Reports a connection error to listeners. */
  report(error: ThumpError): void;
}

/** A frame from the multiplexed socket, or an event from the multiplexed stream (docs/protocol.md). */
export interface Frame extends Envelope, Gap, ErrorFrame {
  type: string;
  id?: number;
  /** In a stream's `end` event: the close code and reason that a WebSocket would receive. */
  close: number;
  reason: string;
  ping: number;
  limits: { message: number };
  expires?: number;
  resumed: boolean;
  replay: number;
  presence?: PresenceFrame;
}

export type ReplyHandler = (frame: Frame) => void;

/** The operations that differ between the WebSocket and the event stream. */
export interface Transport {
  join(handle: RoomHandle): void;
  leave(handle: RoomHandle): void;
  /**
   * Leaves a room and joins it again from its position. Called when messages are missing, or when presence is first
   * requested.
   */
  rejoin(handle: RoomHandle): void;
  /** Sends queued publications. */
  flush(): void;
  /** Checks that the connection is alive. @param moved true if the network changed */
  check(moved: boolean): void;
  /** Handles the server's welcome frame. */
  welcome(frame: Frame): void;
  /** Replaces the token. */
  renew(token: string | undefined): void;
}

/** One connection, which carries all joins, leaves and publications while it lasts. */
export interface Connection extends Transport {
  readonly kind: "websocket" | "event-stream";
  /** True from the server's welcome until the connection ends. */
  opened: boolean;
  /** True while publishing is paused because of a rate limit. */
  paused: boolean;
  /**
   * Resolves when the connection has ended. By then its rooms are detached and its unanswered publications are queued
   * again.
   */
  readonly ended: Promise<CloseReason>;
  /** Handlers of pending replies, keyed by command id. */
  readonly replies: Map<number | undefined, ReplyHandler>;
  /** Ends the connection; later calls do nothing. @param dead true if the peer does not respond */
  end(reason?: CloseReason, dead?: boolean): void;
  /** Runs a function after a delay, unless the connection ends first. @returns a function that cancels the timer */
  after(ms: number, run: () => void): () => void;
  /** Sets the liveness timer. Each call replaces the previous timer. */
  watch(ms: number, run: () => void): void;
  /** Queues entries again, and pauses all publishing for `ms`. */
  pause(entries: OutboxEntry[], ms: number): void;
  /**
   * Settles a publication that was stored at the cursor `at`, or that failed. A rate-limited publication is retried.
   */
  answer(entry: OutboxEntry, at: string | undefined, failure: ErrorFrame): void;
  /** Serializes a command with a new id. `reply` receives the reply to that id. */
  command(command: object, reply: ReplyHandler): string;
  /** Serializes the command that joins a room, and handles its reply. */
  joinCommand(handle: RoomHandle): string;
  /** Dispatches a received frame. */
  receive(text: string): void;
  /** Schedules the renewal of a token that expires at `expires`, in ms since 1970. */
  renewBefore(expires: number | undefined): void;
}

/** @param release closes the underlying socket or stream */
export function newConnection(
  context: ConnectionContext,
  kind: Connection["kind"],
  transport: Transport,
  release: (dead: boolean) => void,
): Connection {
  const { handles, outbox } = context;
  const timers = new Set<ReturnType<typeof setTimeout>>();
  let resolve: (reason: CloseReason) => void;
  let isOver = false;
  let cancelWatch = () => {};
  let cancelRenewal = () => {};
  let lastId = 0;
  const connection: Connection = {
    ...transport,
    kind,
    opened: false,
    paused: false,
    ended: new Promise((settle) => (resolve = settle)),
    replies: new Map(),
    end(reason, dead = false) {
      if (isOver) return;
      isOver = true;
      timers.forEach(clearTimeout);
      release(dead);
      const { opened } = connection;
      connection.opened = false;
      // A connection that never opened has no rooms and no publications.
      if (opened) {
        outbox.rewind();
        for (const handle of handles.values()) handle.setJoined(false);
      }
      resolve({ ...reason, opened });
    },
    after(ms, run) {
      if (isOver) return () => {};
      // A longer delay overflows the timer, which then fires at once.
      const timer = setTimeout(run, Math.min(ms, 2 ** 31 - 1));
      timers.add(timer);
      return () => {
        timers.delete(timer);
        clearTimeout(timer);
      };
    },
    watch(ms, run) {
      cancelWatch();
      cancelWatch = connection.after(ms, run);
    },
    pause(entries, ms) {
      outbox.rewind(entries);
      if (connection.paused) return;
      connection.paused = true;
      connection.after(ms, () => {
        connection.paused = false;
        transport.flush();
      });
    },
    answer(entry, at, failure) {
      if (failure.retry) connection.pause([entry], failure.retry);
      else outbox.settle(entry, at ?? errorFromFrame(failure));
    },
    command(command, reply) {
      connection.replies.set(++lastId, reply);
      return JSON.stringify({ id: lastId, ...command });
    },
    joinCommand(handle) {
      const { name: room, last, at: after, presence } = handle;
      // The program may leave the room before the reply arrives.
      const stillWanted = () => handles.get(room) === handle;
      return connection.command(
        { type: "join", room, ...(after ? { after } : { last }), presence },
        (reply) => {
          if (!stillWanted()) return;
          if (reply.type === "joined") return handle.onJoined(reply);
          const error = errorFromFrame(reply);
          if (error.retry !== undefined || error.code === "unavailable")
            connection.after(error.retry ?? 1000, () => stillWanted() && transport.join(handle));
          else if (handle.onRefused(error)) transport.join(handle);
        },
      );
    },
    receive(text) {
      const frame = JSON.parse(text) as Frame;
      const { type, id, room, at, close, reason } = frame;
      if (type === "welcome") return welcome(frame);
      const reply = connection.replies.get(id);
      if (reply) {
        connection.replies.delete(id);
        return reply(frame);
      }
      if (type === "end") return connection.end(closeReasonOf(close, reason));
      if (type === "error") return context.report(errorFromFrame(frame));
      if (type === "pong" || type === "position") return onPosition(at);
      const handle = handles.get(room);
      if (!handle?.joined) return;
      if (type === "left") {
        const failure = { message: "Removed from the room.", ...frame };
        if (handle.onRefused(errorFromFrame(failure))) transport.join(handle);
      } else if (!handle.onFrame(type, frame, text)) transport.rejoin(handle);
    },
    renewBefore(expires) {
      // Every reopened stream announces the expiry again.
      cancelRenewal();
      if (expires === undefined || !context.renewable) return;
      const left = expires - Date.now();
      // If the token seems expired, the local clock may be wrong: renew it later rather than at once.
      cancelRenewal = connection.after(left > 0 ? Math.max(left - 60_000, left * 0.75) : 30_000, () => {
        // Without a new token, the connection ends when the old token expires. The next connection fetches a token
        // again.
        context.token().then(transport.renew, (error: unknown) => context.report(toError(error)));
      });
    },
  };
  connection.watch(context.timeout, () => connection.end({}, true));
  return connection;

  function welcome(frame: Frame): void {
    context.heartbeat = frame.ping * 1000;
    if (!connection.opened) {
      connection.opened = true;
      context.opened(connection);
    }
    transport.welcome(frame);
    transport.flush();
    connection.renewBefore(frame.expires);
  }

  /** Advances all rooms to the server's position, so that a quiet room does not resume from its last message. */
  function onPosition(at: string | undefined): void {
    const position = parsePosition(at);
    if (position) for (const handle of handles.values()) if (handle.joined) handle.onPosition(position);
  }
}
