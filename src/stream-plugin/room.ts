// Rooms of a Thump server as the source of a stream.
import type { SourceFactory } from "./source.ts";
import { type MadeEvent, sse } from "./sse.ts";

/** A message of a room, as `ThumpServer.subscribe()` yields it. */
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

/** The part of `ThumpServer` that is needed. */
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

/** How a stream starts in a room. */
export interface RoomOptions {
  /** The number of newest stored messages that a client without `Last-Event-ID` receives first. Default 0. */
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

/** The events of a room: its messages under their own names, and gap notices. */
export type RoomEvents<Data> = MadeEvent<Data, string | undefined> | MadeEvent<GapNotice, "thump:gap">;

/**
 * A room of a Thump server in the same app as the source of a stream. Ids are the room's cursors, so clients resume
 * without duplicates; if missed messages are gone they receive `thump:gap`. No access level applies: the route decides.
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
      // The stream ends, and the client reconnects, to a different server or to this one after its restart.
      if ((error as { code?: unknown }).code === "draining") return [];
      throw error;
    }
    return { [Symbol.asyncIterator]: () => toEvents(items[Symbol.asyncIterator]()) } as AsyncIterable<
      RoomEvents<Data>
    >;
  };
}

/** Ids of other forms come from earlier versions of a route. */
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
