// Uses the rooms of a Thump server as stream sources.
import type { SourceFactory } from "./source.ts";
import { type MadeEvent, sse } from "./sse.ts";

/** A message from a room, as `ThumpServer.subscribe()` yields it. */
export interface MessageItem {
  /** Always "message". */
  readonly type: "message";
  /** Cursor of the message. */
  readonly at: string;
  /** Name of the event. */
  readonly event: string;
  /** The data as text: JSON, unless it was published as text. */
  readonly text: string;
}

/** The position of a subscription in a quiet room. */
export interface PositionItem {
  /** Always "position". */
  readonly type: "position";
  /** The cursor. */
  readonly at: string;
}

/** An item of a subscription, as `ThumpServer.subscribe()` yields it. */
export type RoomItem = MessageItem | GapNotice | PositionItem;

/** The part of `ThumpServer` that `room()` uses. */
export interface RoomServer {
  /** Subscribes to a room. See `ThumpServer.subscribe`. */
  subscribe(
    room: string,
    options: {
      after?: string | undefined;
      last?: number | undefined;
      positions?: boolean | undefined;
      signal?: AbortSignal | undefined;
    },
  ): AsyncIterable<RoomItem>;
}

/** The position at which a stream starts in a room. */
export interface RoomOptions {
  /** Number of newest stored messages that a client without `Last-Event-ID` receives first. Default: 0. */
  last?: number | undefined;
}

/** Notice that messages between two cursors are no longer stored. */
export interface GapNotice {
  /** Always "gap". */
  readonly type: "gap";
  /** The room. */
  readonly room: string;
  /** Cursor before the missing messages. */
  readonly after: string;
  /** Cursor of the newest missing message. */
  readonly at: string;
}

/** The events for a room: messages with their event names, and gap notices. */
export type RoomEvents<Data> = MadeEvent<Data, string | undefined> | MadeEvent<GapNotice, "thump:gap">;

/**
 * Uses a room as the source of a stream. The Thump server runs in the same app. Event ids are the room's cursors, so
 * clients resume without duplicates. If missed messages are no longer stored, clients receive a `thump:gap` event. The
 * room's access levels do not apply: the route decides who may read.
 * @example ({ stream, thump, params }) => stream(room<Progress>(thump, `job:${params.id}`, { last: 1 }))
 */
export function room<Data = unknown>(
  server: RoomServer,
  name: string,
  { last }: RoomOptions = {},
): SourceFactory<RoomEvents<Data>> {
  return ({ lastEventId, signal }) => {
    const after = lastEventId === undefined || !isCursor(lastEventId) ? undefined : lastEventId;
    let items: AsyncIterable<RoomItem>;
    try {
      items = server.subscribe(name, { after, last, positions: true, signal });
    } catch (error) {
      // The stream ends, and the client reconnects to a different server, or to this server after a restart.
      if ((error as { code?: unknown }).code === "draining") return [];
      throw error;
    }
    return { [Symbol.asyncIterator]: () => toEvents(items[Symbol.asyncIterator]()) } as AsyncIterable<
      RoomEvents<Data>
    >;
  };
}

/** Whether an id is a cursor. Other ids may come from an earlier version of the route. */
function isCursor(id: string): boolean {
  return /^[0-9a-z]{1,32}-[0-9]{1,16}$/.test(id);
}

function toEvents(items: AsyncIterator<RoomItem>): AsyncIterator<unknown> {
  return {
    next: async () => {
      const { done, value } = await items.next();
      return done ? { done, value: undefined } : { done: false, value: toEvent(value) };
    },
    return: async () => {
      await items.return?.();
      return { done: true, value: undefined };
    },
  };
}

function toEvent(item: RoomItem): unknown {
  switch (item.type) {
    case "message":
      return sse({ id: item.at, event: item.event, data: item.text });
    case "gap":
      return sse({ event: "thump:gap", data: item });
    case "position":
      return sse({ id: item.at });
  }
}
