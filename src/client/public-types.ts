// What a program uses: clients, rooms, members, and what they tell. No code.
import type { ThumpError } from "./client-errors.ts";
import type { Members } from "./room-members.ts";
import type { RoomData, RoomName, RoomRules } from "./rule-types.ts";

/** `offline`: waiting to try again. `catching up`: what was missed is on its way. `closed`: it is over. */
export type State = "connecting" | "catching up" | "live" | "offline" | "closed";

/** What comes with the data of a publication. */
export interface Meta {
  /** Its event's name: "message" unless its publisher named one. */
  event: string;
  /** Its cursor. */
  at: string;
  /** The user who published it, when known. */
  from: string | undefined;
  /** When it was published, in ms since 1970. */
  time: number;
}

/** A publication. */
export interface Message<T = unknown> extends Meta {
  data: T;
}

/** Publications after a cursor, up to another, are gone. */
export interface Gap {
  after: string;
  at: string;
}

export interface RoomOptions {
  /** Begin with the newest so many publications; else with what is published from now on. A stored position comes first. */
  last?: number;
  /** Begin after this cursor. */
  after?: string;
}

export interface PublishOptions {
  /** The event's name ("message"). */
  event?: string;
  /**
   * The idempotency key: one that was used before is answered with its first cursor, and published once. With
   * other data it is refused (`key-reused`).
   */
  key?: string;
}

export type RoomEvents<T> = {
  message: [data: T, meta: Meta, text: string];
  gap: [gap: Gap];
  state: [state: State];
  error: [error: ThumpError];
};

/** A room: what is said there, who is there, and a way to speak. */
export interface Room<T = unknown> extends AsyncIterable<Message<T>> {
  readonly name: string;
  readonly state: State;
  /** Why it is closed, when the server closed it. */
  readonly error: ThumpError | undefined;
  /** The cursor up to which everything has come. */
  readonly at: string | undefined;
  /** Who is here. The server is asked to tell from the first use on. */
  readonly members: Members;
  /**
   * Calls `listener` on:
   * - `message`: each publication, your own too, in order, once; `text` is its envelope as JSON, as it came;
   * - `gap`: publications are gone, and will not come;
   * - `state`: the state has changed;
   * - `error`: the server refused something. Without a listener it is logged.
   * Returns what takes the listener away again.
   */
  on<N extends keyof RoomEvents<T>>(name: N, listener: (...args: RoomEvents<T>[N]) => unknown): () => void;
  /**
   * Publishes. Resolves with the cursor once the server keeps it, which may be after a reconnect.
   * @throws ThumpError the server's codes; `queue-full`, `closed`
   */
  publish(data: T, options?: PublishOptions): Promise<string>;
  /** Leaves the room. Loops over it end. */
  leave(): void;
  /**
   * The publications from now on, one by one.
   * @throws ThumpError why the room is closed; `behind` when more wait than are kept for a loop
   */
  [Symbol.asyncIterator](): AsyncGenerator<Message<T>, void>;
}

export type ThumpEvents = {
  state: [state: State];
  error: [error: ThumpError];
};

/** A connection to a server, and the rooms on it. */
export interface Thump<Rules extends RoomRules = RoomRules> {
  /** `catching up` while any room is; `closed` after `close()`, or when the server wants us no more. */
  readonly state: State;
  /** What carries the rooms, once something does. */
  readonly transport: "websocket" | "event-stream" | undefined;
  /**
   * Calls `listener` on:
   * - `state`: the state has changed;
   * - `error`: something went wrong with the connection. Without a listener it is logged.
   * Returns what takes the listener away again.
   */
  on<N extends keyof ThumpEvents>(name: N, listener: (...args: ThumpEvents[N]) => unknown): () => void;
  /** Joins a room, or returns the one that was joined: options are those of the first time. */
  room<const Name extends string>(
    name: Name & RoomName<Rules, Name>,
    options?: RoomOptions,
  ): Room<RoomData<Rules, Name>>;
  /** Publishes to a room without joining it. As `Room.publish`. */
  publish<const Name extends string>(
    room: Name & RoomName<Rules, Name>,
    data: RoomData<Rules, Name>,
    options?: PublishOptions,
  ): Promise<string>;
  /** Closes the connection and leaves nothing behind. What was not published yet is rejected with `closed`. */
  close(): void;
}
