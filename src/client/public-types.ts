// Public types of the client: clients, rooms, messages and their events. No code.
import type { ThumpError } from "./client-errors.ts";
import type { Members } from "./room-members.ts";
import type { RoomData, RoomName, RoomRules } from "./rule-types.ts";

/**
 * State of a client or a room:
 * - `connecting`: a connection, or a join, is in progress;
 * - `catching up`: missed messages are being delivered;
 * - `live`: messages are delivered as they are published;
 * - `offline`: disconnected; the client waits before it reconnects;
 * - `closed`: closed or left, by this program or by the server. This state is final.
 */
export type State = "connecting" | "catching up" | "live" | "offline" | "closed";

/** Metadata of a message. */
export interface Meta {
  /** The event name. Default: `"message"`. */
  event: string;
  /** The message's cursor. */
  at: string;
  /** The publisher's user name, if the publisher is authenticated. */
  from: string | undefined;
  /** Time of publication, in ms since 1970. */
  time: number;
}

/** A message from a room. */
export interface Message<T = unknown> extends Meta {
  /** The published data. Bytes arrive as a `Uint8Array`. */
  data: T;
}

/** Messages that the server no longer stores: those after `after`, up to and including `at`. */
export interface Gap {
  /** The cursor before the gap. */
  after: string;
  /** The cursor where the gap ends. */
  at: string;
}

/** Where to start in a room. A position stored under `resume` takes precedence over `last`. */
export interface RoomOptions {
  /** Number of newest stored messages to start with. Default: 0 (only new messages). */
  last?: number;
  /** Cursor to start after: every later message is delivered. Default: none. */
  after?: string;
}

/** Options of `publish`. */
export interface PublishOptions {
  /** The event name. Default: `"message"`. */
  event?: string;
  /**
   * The idempotency key. If the key was used before, the publication is not stored again, and the promise resolves with
   * the original cursor. If the data differs, the promise rejects with `key-reused`. Default: a random key.
   */
  key?: string;
}

export type RoomEvents<T> = {
  message: [data: T, meta: Meta, text: string];
  gap: [gap: Gap];
  state: [state: State];
  error: [error: ThumpError];
};

/** A joined room: delivers its messages and presence, and publishes to it. */
export interface Room<T = unknown> extends AsyncIterable<Message<T>> {
  /** The room's name. */
  readonly name: string;
  /** The current state of this room. */
  readonly state: State;
  /** The error that closed the room, if any. */
  readonly error: ThumpError | undefined;
  /** The room's position: every message up to this cursor was delivered, or reported as a gap. */
  readonly at: string | undefined;
  /** The members who are present. The first use requests presence from the server. */
  readonly members: Members;
  /**
   * Calls `listener` on:
   * - `message`: each message, including your own, once and in order; `text` is the envelope's JSON source;
   * - `gap`: messages that the server no longer stores, and will not deliver;
   * - `state`: a change of state;
   * - `error`: an error in this room. Without a listener, errors are logged to the console.
   * @returns a function that removes the listener
   */
  on<N extends keyof RoomEvents<T>>(name: N, listener: (...args: RoomEvents<T>[N]) => unknown): () => void;
  /**
   * Publishes a message. Resolves with the message's cursor once the server has stored the message, possibly after a
   * reconnect.
   * @throws ThumpError with a server error code, `queue-full` or `closed`
   */
  publish(data: T, options?: PublishOptions): Promise<string>;
  /** Leaves the room, and ends all `for await` loops over its messages. */
  leave(): void;
  /**
   * Iterates over the messages that arrive from now on, until the room is left.
   * @throws ThumpError the error that closed the room; `behind` if more than 10,000 messages wait for the loop
   */
  [Symbol.asyncIterator](): AsyncGenerator<Message<T>, void>;
}

export type ThumpEvents = {
  state: [state: State];
  error: [error: ThumpError];
};

/** A client that is connected to one server. */
export interface Thump<Rules extends RoomRules = RoomRules> {
  /** The worst state of the connection and its rooms; `closed` after `close()`, or if the server rejects this client. */
  readonly state: State;
  /** The transport in use; undefined while disconnected. */
  readonly transport: "websocket" | "event-stream" | undefined;
  /**
   * Calls `listener` on:
   * - `state`: a change of state;
   * - `error`: a connection error. Without a listener, errors are logged to the console.
   * @returns a function that removes the listener
   */
  on<N extends keyof ThumpEvents>(name: N, listener: (...args: ThumpEvents[N]) => unknown): () => void;
  /** Joins a room. If the room is already joined, returns the existing object and ignores the options. */
  room<const Name extends string>(
    name: Name & RoomName<Rules, Name>,
    options?: RoomOptions,
  ): Room<RoomData<Rules, Name>>;
  /** Like `Room.publish`, but does not require joining the room. */
  publish<const Name extends string>(
    room: Name & RoomName<Rules, Name>,
    data: RoomData<Rules, Name>,
    options?: PublishOptions,
  ): Promise<string>;
  /** Closes the connection, and removes all timers and listeners. Queued publications reject with `closed`. */
  close(): void;
}
