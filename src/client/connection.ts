// What the two ways to a server have in common: one connection, from its beginning to its end, and what is said on it.
import type { Gap } from "./public-types.ts";
import { type CloseReason, closeReasonOf } from "./close-reason.ts";
import { type ThumpError, type ErrorFrame, toError, errorFromFrame } from "./client-errors.ts";
import type { OutboxEntry, Outbox } from "./outbox.ts";
import type { PresenceFrame } from "./room-members.ts";
import type { Envelope, RoomHandle } from "./room-handle.ts";
import { parsePosition } from "./cursor-tracker.ts";

/** As much of a WebSocket as is needed. */
export interface SocketLike {
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: (() => void) | null;
  send(data: string): void;
  close(code?: number): void;
  /** Not in browsers. */
  terminate?(): void;
}

/** Of something like a WebSocket: what handlers look like, libraries say each in their own way. */
export type SocketConstructor = new (url: string, protocols?: string[]) => object;
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface TransportOptions {
  /** Whether requests carry cookies to another origin (Fetch standard). */
  credentials?: "include" | "omit" | "same-origin";
  /** Where they are not global, or not as wanted: in Node before 22, that of `ws`. */
  WebSocket?: SocketConstructor;
  fetch?: Fetch;
}

/** What connections are made for. */
export interface ConnectionContext {
  /** The server, without a slash at the end. */
  readonly base: string;
  readonly handles: ReadonlyMap<string, RoomHandle>;
  readonly outbox: Outbox;
  readonly options: TransportOptions;
  readonly fetch: Fetch;
  /** How long a connection may take to begin, and a request to be answered, in ms. */
  readonly timeout: number;
  /** After so many ms a server gives a sign of life; a socket is told. */
  heartbeat: number;
  /** Another token may be had. */
  readonly renewable: boolean;
  token(): Promise<string | undefined>;
  /** The link is in use. */
  opened(connection: Connection): void;
  /** Tells of an error that ends nothing. */
  report(error: ThumpError): void;
}

/** What the server says (docs/protocol.md): a frame of the multiplexed socket, or an event of the multiplexed stream. */
export interface Frame extends Envelope, Gap, ErrorFrame {
  type: string;
  id?: number;
  /** Why a stream ends: a socket's close code, and its reason. */
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

/** What the two ways do each in their own manner. */
export interface Transport {
  join(handle: RoomHandle): void;
  leave(handle: RoomHandle): void;
  /** Joins anew, from the seat's position: something was missing, or more is wanted of the room. */
  rejoin(handle: RoomHandle): void;
  /** Sends what is in the outbox. */
  flush(): void;
  /** Finds out whether it is still alive. `moved`: the network is another one. */
  check(moved: boolean): void;
  /** The server spoke to us first. */
  welcome(frame: Frame): void;
  /** Goes on with another token. */
  renew(token: string | undefined): void;
}

/** One connection. What is joined, left or published meanwhile goes through it. */
export interface Connection extends Transport {
  readonly kind: "websocket" | "event-stream";
  /** It is in use: the server spoke to us. */
  opened: boolean;
  /** The server said to publish more slowly. */
  paused: boolean;
  /** Resolves at its end; its rooms are then detached, and what was not answered is in the outbox again. */
  readonly ended: Promise<CloseReason>;
  /** What is to be done with the answers that are still to come, by the ids of their commands. */
  readonly replies: Map<number | undefined, ReplyHandler>;
  /** Ends it. The second time there is nothing to end. `dead`: nobody is there to answer. */
  end(reason?: CloseReason, dead?: boolean): void;
  /** Runs something after so many ms, unless the link ends before. Returns what calls it off. */
  after(ms: number, run: () => void): () => void;
  /** The one timer that looks after the connection's life: a new one takes the place of the old. */
  watch(ms: number, run: () => void): void;
  /** These are to be published again, and all that waits with them, after so many ms. */
  pause(entries: OutboxEntry[], ms: number): void;
  /** What was published was kept at a cursor, or why not. */
  answer(entry: OutboxEntry, at: string | undefined, told: ErrorFrame): void;
  /** A command as JSON, with an id: `reply` is called with its answer. */
  command(command: object, reply: ReplyHandler): string;
  /** The command that puts us into a room, and what is done when it is answered. */
  joining(handle: RoomHandle): string;
  /** Takes what the server says. */
  receive(text: string): void;
  /** Gets a new token a while before the old one ends (`expires`, in ms since 1970). */
  renewBefore(expires: number | undefined): void;
}

/** @param release lets go of the connection itself */
export function newConnection(
  context: ConnectionContext,
  kind: Connection["kind"],
  transport: Transport,
  release: (dead: boolean) => void,
): Connection {
  const { handles, outbox } = context;
  const timers = new Set<ReturnType<typeof setTimeout>>();
  let resolve: (reason: CloseReason) => void;
  let over = false;
  let unwatch = () => {};
  let unrenew = () => {};
  let lastId = 0;
  const connection: Connection = {
    ...transport,
    kind,
    opened: false,
    paused: false,
    ended: new Promise((settle) => (resolve = settle)),
    replies: new Map(),
    end(reason, dead = false) {
      if (over) return;
      over = true;
      timers.forEach(clearTimeout);
      release(dead);
      const { opened } = connection;
      connection.opened = false;
      // One that was tried beside another has nothing to give up.
      if (opened) {
        outbox.rewind();
        for (const handle of handles.values()) handle.setJoined(false);
      }
      resolve({ ...reason, opened });
    },
    after(ms, run) {
      if (over) return () => {};
      // What is further away than a timer can count comes earlier.
      const timer = setTimeout(run, Math.min(ms, 2 ** 31 - 1));
      timers.add(timer);
      return () => {
        timers.delete(timer);
        clearTimeout(timer);
      };
    },
    watch(ms, run) {
      unwatch();
      unwatch = connection.after(ms, run);
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
    answer(entry, at, told) {
      if (told.retry) connection.pause([entry], told.retry);
      else outbox.settle(entry, at ?? errorFromFrame(told));
    },
    command(command, reply) {
      connection.replies.set(++lastId, reply);
      return JSON.stringify({ id: lastId, ...command });
    },
    joining(handle) {
      const { name: room, last, at: after, presence } = handle;
      // It may be left meanwhile.
      const wanted = () => handles.get(room) === handle;
      return connection.command(
        { type: "join", room, ...(after ? { after } : { last }), presence },
        (reply) => {
          if (!wanted()) return;
          if (reply.type === "joined") return handle.onJoined(reply);
          const error = errorFromFrame(reply);
          if (error.retry !== undefined || error.code === "unavailable")
            connection.after(error.retry ?? 1000, () => wanted() && transport.join(handle));
          else if (handle.refused(error)) transport.join(handle);
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
      if (type === "pong" || type === "position") return covered(at);
      const handle = handles.get(room);
      if (!handle?.joined) return;
      if (type === "left") {
        const told = { message: "You may not be here any more.", ...frame };
        if (handle.refused(errorFromFrame(told))) transport.join(handle);
      } else if (!handle.take(type, frame, text)) transport.rejoin(handle);
    },
    renewBefore(expires) {
      // One at a time: a stream that is opened anew is told again.
      unrenew();
      if (expires === undefined || !context.renewable) return;
      const left = expires - Date.now();
      // A token that seems to be over is, or the clock here is wrong: then there is no hurry.
      unrenew = connection.after(left > 0 ? Math.max(left - 60_000, left * 0.75) : 30_000, () => {
        // Where there is none, it ends with the old one, and the next connection asks again.
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

  /** All of this connection's rooms are at least there: a quiet one need not resume from its last message. */
  function covered(at: string | undefined): void {
    const position = parsePosition(at);
    if (position) for (const handle of handles.values()) if (handle.joined) handle.onPosition(position);
  }
}
