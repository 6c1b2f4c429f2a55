// Public exports of `thump/stream`.
export {
  type StreamAnswer,
  type StreamFunction,
  type StreamingOptions,
  type StreamOptions,
  streaming,
} from "./plugin.ts";
export { type EventOf, type MadeEvent, type ReceivedEvent, sse, type StreamEvent } from "./sse.ts";
export type { Items, Source, SourceCallback, SourceContext, SourceFactory } from "./source.ts";
export type { CloseReason, StreamEnd } from "./stream-end.ts";
export {
  type GapNotice,
  type MessageItem,
  type PositionItem,
  room,
  type RoomEvents,
  type RoomItem,
  type RoomOptions,
  type RoomServer,
} from "./room.ts";
export { type Streamable, type StreamClassOptions, Stream, Stream as default, wait } from "./stream.ts";
